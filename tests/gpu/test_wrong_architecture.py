"""whisper.cpp really built for a card that is not here. Last, because the compiler takes minutes for it."""

from __future__ import annotations

import hardware
import measuring
import whisper_build
import whisper_process
from ansible_collections.whisperops.gpu.plugins.module_utils._image import inspection
from test_proof import prove, record

SECONDS = 200
# The fewest kernels that make a server: what counts is for which card they are.
FEWER_KERNELS = {"GGML_CUDA_FA": "OFF", "GGML_CPU_ALL_VARIANTS": "OFF"}


def test_a_build_for_another_card_is_not_proven(bench, plan, source, work, time_left):
    time_left(SECONDS)
    other = next(
        arch
        for arch in hardware.compilable(hardware.cuda_tool("nvcc"))
        if arch[:-1] != bench.gpu.compute_capability.split(".")[0]
    )
    options = {**plan["build"]["options"], **FEWER_KERNELS, "CMAKE_CUDA_ARCHITECTURES": f"{other}-real"}
    print(f"\nbuilding whisper.cpp {source.version} for {other}-real ...", flush=True)
    built = whisper_build.build(source, work / f"build-{other}", options, ("whisper-server",))
    assert inspection.inspect_path(str(built.cuda_library()))["sass"] == [other]
    with whisper_process.Server(built.binary("whisper-server"), measuring.SMOKE_MODEL) as server:
        found = prove(server, bench.gpu)
        log = server.log()
    record(bench.results, f"built for sm_{other}", False, found)
    assert "no kernel image is available" in log
    assert found["cause"]["code"] == "no_kernel_image"
