"""The same build, the same models, without the GPU, on every core: what the GPU is compared with."""

from __future__ import annotations

import measuring
import pytest
import whisper_process
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import gpu_meter, sweep
from ansible_collections.whisperops.gpu.plugins.plugin_utils._report import engine_bench

# One warm-up and as many requests as this, because the large ones take many seconds each.
LOAD = sweep.Load(clients=(1,), requests=2)
# For one model on 16 cores, in the order in which time may run out.
SECONDS = {"tiny": 6, "base": 8, "small": 15, "large-v3-turbo": 40, "medium": 35, "large-v3": 60}


@pytest.mark.parametrize("model", SECONDS)
def test_the_cpu_with_a_model_of_this_size(model, bench, time_left):
    time_left(SECONDS[model])
    options = (*measuring.OPTIONS, "--no-gpu", "--threads", str(bench.results.content["cores"]))
    print(f"\n{model}:", flush=True)
    with whisper_process.Server(bench.server, bench.model(model), options) as server:
        runs = sweep.runs(measuring.target("cpu", server), measuring.clips("medium"), LOAD, gpu_meter.GpuMeter(None))
        assert "CUDA0 total size" not in server.log()
    measuring.show(runs)
    bench.results.add_benchmark(model, cpu=runs, cpu_load_seconds=server.load_seconds)


@pytest.mark.parametrize("model", ["tiny", "base", "small"])
def test_the_engine_on_the_cpu(model, bench, time_left):
    left = time_left(SECONDS[model] * 10)
    options = ("--no-gpu", "--threads", str(bench.results.content["cores"]))
    said = whisper_process.engine_benchmark(bench.engine, bench.model(model), options, min(left, 300))
    timings = engine_bench.timings(said)
    assert timings is not None, said[-2000:]
    print(f"\n{model}: {timings}", flush=True)
    bench.results.add_benchmark(model, cpu_engine=timings)
