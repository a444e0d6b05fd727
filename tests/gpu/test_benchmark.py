"""How fast the GPU is with models of the real sizes: through the server, and the engine alone."""

from __future__ import annotations

import measuring
import pytest
import random_model
import whisper_process
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import gpu_meter, sweep
from ansible_collections.whisperops.gpu.plugins.plugin_utils._report import engine_bench

LOAD = sweep.Load(clients=(1, 4), requests=4)
SECONDS = 30


@pytest.mark.parametrize("model", random_model.SHAPES)
def test_the_gpu_with_a_model_of_this_size(model, bench, time_left):
    time_left(SECONDS)
    path = bench.model(model)
    needed, free = path.stat().st_size * 1.5 / 2**20, bench.gpu.memory_free_mib or 0
    if needed > free:
        pytest.skip(f"{needed:.0f} MiB of GPU memory are needed, {free} are free")
    print(f"\n{model}:", flush=True)
    clips = measuring.clips()
    with gpu_meter.GpuMeter(bench.gpu.uuid) as meter:
        with whisper_process.Server(bench.server, path, measuring.OPTIONS) as server:
            target = measuring.target("gpu", server)
            first = target.first_answer_seconds(clips[0])
            runs = sweep.runs(target, clips, LOAD, meter)
            log = server.log()
        peak = gpu_meter.memory_peak_mib(meter.samples)
    measuring.show(runs)
    bench.results.add_benchmark(
        model,
        weights="random",
        load_seconds=server.load_seconds,
        first_answer_seconds=first,
        gpu_memory_peak_mib=peak,
        gpu=runs,
    )
    assert "CUDA0 total size" in log, "the model did not go to the GPU: the figures are none of it"
    # Less would mean that the meter looks at something else than the card in use.
    assert peak is not None
    assert peak > path.stat().st_size >> 20


@pytest.mark.parametrize("model", random_model.SHAPES)
def test_the_engine_on_the_gpu(model, bench, time_left):
    left = min(time_left(30), 120)
    said = whisper_process.engine_benchmark(bench.engine, bench.model(model), (), left)
    timings = engine_bench.timings(said)
    assert timings is not None, said[-2000:]
    print(f"\n{model}: {timings}", flush=True)
    bench.results.add_benchmark(model, gpu_engine=timings)
