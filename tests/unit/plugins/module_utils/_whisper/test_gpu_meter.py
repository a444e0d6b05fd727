"""What is made of the samples of a GPU."""

from __future__ import annotations

import time

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import gpu_meter
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.gpu_meter import Reading, Sample


class Card:
    def __init__(self, readings):
        self.readings = iter(readings)
        self.closed = False

    def read(self):
        return next(self.readings, None)

    def close(self):
        self.closed = True


def test_without_a_gpu_nothing_is_said():
    with gpu_meter.GpuMeter(None) as meter:
        mark = meter.mark()
        assert meter.since(mark) == []
    assert meter.samples == []
    assert gpu_meter.memory_peak_mib([]) is None
    assert gpu_meter.energy_j([]) is None


def test_a_gpu_that_nobody_can_ask_is_like_none():
    with gpu_meter.GpuMeter("GPU-1", lambda uuid: None) as meter:
        meter.sample()
    assert meter.samples == []


def test_samples_are_taken_all_the_time_and_the_source_is_closed():
    card = Card([Reading(memory_mib=number) for number in range(1000)])
    with gpu_meter.GpuMeter("GPU-1", lambda uuid: card) as meter:
        time.sleep(gpu_meter.INTERVAL_SECONDS * 4)
    assert len(meter.samples) >= 3
    assert card.closed


def test_only_the_samples_since_the_mark_count():
    card = Card([Reading(memory_mib=mib) for mib in (900, 100, 200)])
    meter = gpu_meter.GpuMeter("GPU-1", lambda uuid: card)
    meter.sample()
    mark = meter.mark()
    assert gpu_meter.memory_peak_mib(meter.since(mark)) == 200


def test_the_gpus_own_count_of_energy_goes_before_its_power():
    samples = [Sample(0.0, Reading(energy_j=1000.0, power_w=50)), Sample(2.0, Reading(energy_j=1300.0, power_w=50))]
    assert gpu_meter.energy_j(samples) == 300.0


def test_else_energy_is_power_over_time():
    samples = [Sample(t, Reading(power_w=power)) for t, power in ((0.0, 100.0), (1.0, 200.0), (3.0, 200.0))]
    assert gpu_meter.energy_j(samples) == 150.0 + 400.0


# nvidia-smi --query-gpu=memory.used,utilization.gpu,power.draw --format=csv,noheader,nounits: what a card lacks is
# worded in brackets (its manual, "N/A" and "Not Supported").
@pytest.mark.parametrize(
    ("line", "reading"),
    [
        ("1116, 4, 85.69", Reading(memory_mib=1116, utilization=4, power_w=85.69)),
        ("1116, [N/A], [Not Supported]", Reading(memory_mib=1116)),
    ],
)
def test_a_line_of_nvidia_smi(line, reading):
    assert gpu_meter.reading_from_nvidia_smi(line) == reading


@pytest.mark.parametrize("line", ["", "Unable to determine the device handle for GPU0", "1, 2"])
def test_another_line_is_none(line):
    assert gpu_meter.reading_from_nvidia_smi(line) is None


def test_the_samples_are_returned_plainly():
    assert gpu_meter.as_dicts([Sample(0.1, Reading(memory_mib=5, utilization=7, power_w=1.0))]) == [
        {"t": 0.1, "memory_mib": 5, "utilization": 7}
    ]
