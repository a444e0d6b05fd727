"""The proof says yes where the GPU does the work, and never where it does not."""

from __future__ import annotations

import contextlib
import shutil

import measuring
import pytest
import relabelled
import whisper_process
from ansible_collections.whisperops.gpu.plugins.module_utils._image import inspection
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.proof import Prover, Request


def prove(server, gpu, device_code=None):
    request = Request(
        url=server.url,
        audio=str(measuring.CLIP),
        expected_text=measuring.CLIP.with_suffix(".txt").read_text().strip(),
        timeout_seconds=60,
        gpu=gpu.uuid,
        device_code=device_code,
        pid=server.pid,
        log=str(server.log_path),
    )
    return Prover().prove(request)


def record(results, case, expected, found):
    cause = found["cause"] and found["cause"]["code"]
    as_expected = found["gpu_used"] is True if expected else found["gpu_used"] is not True
    figures = {name: found[name] for name in ("gpu_used", "missing", "error", "seconds", "proof_seconds", "evidence")}
    results.add_proof(case, expected=expected, as_expected=as_expected, cause=cause, **figures)
    print(f"\n  {case}: gpu_used {found['gpu_used']}, missing {found['missing']}, cause {cause}", flush=True)
    assert as_expected, found


@pytest.mark.parametrize("device_code", ["native", None])
def test_a_server_on_the_gpu_is_proven(device_code, bench):
    with whisper_process.Server(bench.server, measuring.SMOKE_MODEL) as server:
        found = prove(server, bench.gpu, device_code)
    record(bench.results, f"on the GPU, device code {device_code or 'not told'}", True, found)
    assert found["expected_similarity"] == 1.0
    assert found["evidence"]["process_memory_mib"] > 0


@pytest.mark.parametrize(
    ("case", "options", "environment"),
    [
        ("--no-gpu", ["--no-gpu"], {}),
        ("CUDA_VISIBLE_DEVICES empty", [], {"CUDA_VISIBLE_DEVICES": ""}),
        ("CUDA_VISIBLE_DEVICES of a GPU that is not here", [], {"CUDA_VISIBLE_DEVICES": "99"}),
    ],
)
def test_a_server_on_the_cpu_is_not(case, options, environment, bench):
    with whisper_process.Server(bench.server, measuring.SMOKE_MODEL, options, environment) as server:
        found = prove(server, bench.gpu, "native")
    record(bench.results, case, False, found)
    assert found["expected_similarity"] == 1.0, "it transcribes all the same: that is what deceives"
    assert found["gpu_used"] is False


def test_a_server_on_the_cpu_is_not_while_another_works_on_the_gpu(bench):
    with contextlib.ExitStack() as stack:
        busy = stack.enter_context(whisper_process.Server(bench.server, measuring.SMOKE_MODEL))
        stack.enter_context(measuring.kept_busy(busy))
        server = stack.enter_context(whisper_process.Server(bench.server, measuring.SMOKE_MODEL, ["--no-gpu"]))
        found = prove(server, bench.gpu, "native")
    record(bench.results, "--no-gpu while another server works on the GPU", False, found)


def test_a_build_for_another_card_is_not(gpu, native, results, work):
    """It starts, loads the model onto the GPU, says that it is well, and dies of the first request."""
    folder = work / "relabelled"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(native.folder / "bin", folder, symlinks=True)
    library = next(path for path in folder.rglob("libggml-cuda.so*") if not path.is_symlink())
    other = 75 if not gpu.compute_capability.startswith("7") else 90
    assert relabelled.relabel(library, library, other) > 0
    assert inspection.inspect_path(str(library))["sass"] == [str(other)]
    case = f"device code that says sm_{other}"
    with whisper_process.Server(folder / "whisper-server", measuring.SMOKE_MODEL) as server:
        assert server.healthy()
        found = prove(server, gpu, None)
        log = server.log()
    record(results, case, False, found)
    assert found["error"]
    assert "no kernel image is available" in log
    assert found["cause"]["code"] == "no_kernel_image"
