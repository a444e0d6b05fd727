"""How many servers on one GPU give the most throughput: from one up, until more no longer helps or does not fit."""

from __future__ import annotations

import contextlib

import measuring
import pytest
import whisper_process
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import gpu_meter, sweep

NUMBERS = (1, 2, 3, 4, 6, 8, 12, 16)
CLIENTS_PER_SERVER = 2
LOAD = sweep.Load(clients=(), requests=4)
# More that brings less than this is not more.
GAIN = 1.02
SECONDS = 40


@pytest.mark.parametrize("model", ["large-v3-turbo", "base"])
def test_throughput_by_number_of_servers(model, bench, time_left):
    time_left(SECONDS)
    clip = measuring.clips("medium")[0]
    best, each, without_gain = 0.0, 0, 0
    print(f"\n{model}:", flush=True)
    for number in NUMBERS:
        if each * number > bench.gpu.memory_free_mib * 0.95:
            print(f"  {number} servers would not fit: {each} MiB each", flush=True)
            break
        with contextlib.ExitStack() as stack:
            meter = stack.enter_context(gpu_meter.GpuMeter(bench.gpu.uuid))
            servers = started_together(stack, bench.server, bench.model(model), number)
            clients = number * CLIENTS_PER_SERVER
            run = sweep.run(measuring.target("gpu", *servers), clip, clients, LOAD, meter)
        measuring.show([run])
        bench.results.add_servers(model, {"servers": number, **run})
        each = each or run["gpu_memory_peak_mib"]
        without_gain = 0 if run["throughput"] > best * GAIN else without_gain + 1
        best = max(best, run["throughput"])
        if without_gain > 1:
            break
    assert best > 1, "the GPU is slower than speech"


def started_together(stack, binary, model, number, environment=None):
    servers = [whisper_process.Server(binary, model, measuring.OPTIONS, environment) for place in range(number)]
    for server in servers:
        server.start()
        stack.callback(server.stop)
    for server in servers:
        server.wait_until_ready()
    return servers
