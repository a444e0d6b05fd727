"""What is made of the samples of a GPU."""

from __future__ import annotations

import time

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.card import Card, CardSample
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import gpu_meter
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.sampler import Sample


class Scripted(Card):
    source = "nvml"

    def __init__(self, samples):
        self.samples = iter(samples)
        self.closed = False

    def sample(self):
        return next(self.samples)

    def close(self):
        self.closed = True


def samples(*cards):
    """One a second, from 0 on."""
    return [Sample(float(second), 0, card) for second, card in enumerate(cards)]


def test_without_a_gpu_nothing_is_said():
    with gpu_meter.GpuMeter(None) as meter:
        mark = meter.mark()
        assert meter.since(mark) == []
    assert meter.samples == []
    assert gpu_meter.memory_peak_mib([]) is None
    assert gpu_meter.energy_j([]) is None


def test_a_gpu_that_nobody_can_ask_is_like_none():
    with gpu_meter.GpuMeter("GPU-1", lambda uuid: Card()) as meter:
        meter.mark()
    assert meter.samples == []


def test_samples_are_taken_all_the_time_and_the_gpu_is_let_go_of():
    card = Scripted(CardSample(memory_used_mib=number) for number in range(1000))
    with gpu_meter.GpuMeter("GPU-1", lambda uuid: card) as meter:
        time.sleep(gpu_meter.INTERVAL_SECONDS * 4)
    assert len(meter.samples) >= 3
    assert card.closed


def test_only_the_samples_since_the_mark_count():
    card = Scripted(CardSample(memory_used_mib=mib) for mib in (900, 100, 200))
    meter = gpu_meter.GpuMeter("GPU-1", lambda uuid: card)
    meter.mark()
    mark = meter.mark()
    assert gpu_meter.memory_peak_mib(meter.since(mark)) == 200


def test_the_gpus_own_count_of_energy_goes_before_its_power():
    counted = samples(CardSample(energy_j=1000.0, power_w=50), CardSample(energy_j=1300.0, power_w=50))
    assert gpu_meter.energy_j(counted) == 300.0


def test_else_energy_is_power_over_time():
    told = samples(CardSample(power_w=100.0), CardSample(power_w=200.0), CardSample(), CardSample(power_w=200.0))
    assert gpu_meter.energy_j(told) == 150.0 + 400.0


def test_the_samples_are_returned_plainly():
    one = Sample(0.1001, 0, CardSample(memory_used_mib=5, utilization_percent=7, power_w=1.0))
    assert gpu_meter.as_dicts([one]) == [{"t": 0.1, "memory_mib": 5, "utilization": 7}]
