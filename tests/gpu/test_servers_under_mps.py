"""NVIDIA's Multi-Process Service under several servers of one GPU: the throughput with it and without, and the proof.

The daemon (nvidia-cuda-mps-control) belongs to the driver. It takes GPUs of compute capability 7.0 and newer, and
clients of its own user alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess

import measuring
import pytest
import whisper_process
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import gpu_meter, sweep
from test_proof import prove, record
from test_servers_per_gpu import CLIENTS_PER_SERVER, LOAD, started_together

CONTROL = "nvidia-cuda-mps-control"
VOLTA = (7, 0)
NUMBERS = (1, 2, 4, 6, 8)
SECONDS = 60


@pytest.fixture(scope="module")
def mps(gpu, work):
    """The environment of its clients, while the daemon runs."""
    if shutil.which(CONTROL) is None:
        pytest.skip(f"{CONTROL} is not installed: the driver's compute utilities have it")
    if tuple(map(int, gpu.compute_capability.split("."))) < VOLTA:
        pytest.skip(f"compute capability {gpu.compute_capability}: clients of MPS share one address space before 7.0")
    folders = {f"CUDA_MPS_{kind}_DIRECTORY": str(work / f"mps-{kind.lower()}") for kind in ("PIPE", "LOG")}
    for folder in folders.values():
        os.makedirs(folder, exist_ok=True)
    environment = {**os.environ, **folders}
    started = subprocess.run([CONTROL, "-d"], env=environment, capture_output=True, text=True, check=False)
    if started.returncode:
        pytest.skip(f"{CONTROL} -d ended with {started.returncode}: {(started.stdout + started.stderr).strip()}")
    yield folders
    subprocess.run([CONTROL], input="quit\n", env=environment, text=True, check=True)


def servers_of_the_daemon(folders) -> str:
    environment = {**os.environ, **folders}
    asked = subprocess.run(
        [CONTROL], input="get_server_list\n", env=environment, capture_output=True, text=True, check=True
    )
    return asked.stdout.strip()


def test_a_server_under_mps_is_proven(bench, mps):
    with whisper_process.Server(bench.server, measuring.SMOKE_MODEL, environment=mps) as server:
        assert servers_of_the_daemon(mps), "no client has come to the daemon: this is no proof under MPS"
        found = prove(server, bench.gpu, "native")
    record(bench.results, "on the GPU, under MPS", True, found)


def test_a_server_on_the_cpu_is_not_proven_while_another_works_under_mps(bench, mps):
    with contextlib.ExitStack() as stack:
        busy = stack.enter_context(whisper_process.Server(bench.server, measuring.SMOKE_MODEL, environment=mps))
        stack.enter_context(measuring.kept_busy(busy))
        server = stack.enter_context(
            whisper_process.Server(bench.server, measuring.SMOKE_MODEL, ["--no-gpu"], environment=mps)
        )
        found = prove(server, bench.gpu, "native")
    record(bench.results, "--no-gpu while another server works under MPS", False, found)


@pytest.mark.parametrize("model", ["large-v3-turbo", "base"])
def test_throughput_with_mps_and_without(model, bench, mps, time_left):
    time_left(SECONDS)
    clip = measuring.clips("medium")[0]
    print(f"\n{model}:", flush=True)
    for number in NUMBERS:
        for label, environment in (("without MPS", {}), ("under MPS", mps)):
            with contextlib.ExitStack() as stack:
                meter = stack.enter_context(gpu_meter.GpuMeter(bench.gpu.uuid))
                servers = started_together(stack, bench.server, bench.model(model), number, environment)
                clients = number * CLIENTS_PER_SERVER
                run = sweep.run(measuring.target(label, *servers), clip, clients, LOAD, meter)
            measuring.show([run])
            bench.results.add_servers(model, {"servers": number, "mps": bool(environment), **run}, "servers_under_mps")
            assert run["throughput"] > 1, "the GPU is slower than speech"
