# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a GPU does while something is measured: memory, utilization and energy. Private to this collection.

By NVML; else by ``nvidia-smi``, which tells the power only, so that the energy is power times time. Without either,
every figure is None.
"""

from __future__ import annotations

import subprocess
import threading
import time
from types import TracebackType
from typing import Any, Callable, NamedTuple, Protocol, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml_binding import Binding, load_binding
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml_device import NvmlDevice, NvmlUnavailableError
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import which

INTERVAL_SECONDS = 0.1
_NVIDIA_SMI_FIELDS = 3


class Reading(NamedTuple):
    """``energy_j`` counts from the load of the driver; ``power_w`` stands in where the GPU does not count."""

    memory_mib: int | None = None
    utilization: int | None = None
    energy_j: float | None = None
    power_w: float | None = None


class Sample(NamedTuple):
    t: float
    reading: Reading


class Source(Protocol):
    def read(self) -> Reading | None: ...

    def close(self) -> None: ...


class NvmlSource:
    def __init__(self, uuid: str, binding: Callable[[], Binding] = load_binding) -> None:
        self._device = NvmlDevice(uuid, binding)

    def read(self) -> Reading | None:
        return Reading(
            memory_mib=self._device.memory_used_mib,
            utilization=self._device.utilization_percent,
            energy_j=self._device.energy_j,
            power_w=self._device.power_w,
        )

    def close(self) -> None:
        self._device.close()


class NvidiaSmiSource:
    """One nvidia-smi that goes on printing; the newest line counts."""

    def __init__(self, tool: str, uuid: str) -> None:
        fields = "memory.used,utilization.gpu,power.draw"
        command = [tool, f"--query-gpu={fields}", "--format=csv,noheader,nounits", f"--id={uuid}"]
        self._process = subprocess.Popen(  # pylint: disable=ansible-bad-function  # is read while it runs
            [*command, f"--loop-ms={int(INTERVAL_SECONDS * 1000)}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._newest: Reading | None = None
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        for line in self._process.stdout or ():
            self._newest = reading_from_nvidia_smi(line.decode("utf-8", "replace")) or self._newest

    def read(self) -> Reading | None:
        return self._newest

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def reading_from_nvidia_smi(line: str) -> Reading | None:
    cells = [_number(cell) for cell in line.split(",")]
    if len(cells) != _NVIDIA_SMI_FIELDS:
        return None
    memory, utilization, power = cells
    return Reading(
        memory_mib=None if memory is None else int(memory),
        utilization=None if utilization is None else int(utilization),
        power_w=power,
    )


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        # nvidia-smi: [N/A], [Not Supported]
        return None


def source_for(uuid: str) -> Source | None:
    try:
        return NvmlSource(uuid)
    except NvmlUnavailableError:
        tool = which("nvidia-smi")
    return None if tool is None else NvidiaSmiSource(tool, uuid)


class GpuMeter:
    """Samples one GPU from ``with`` to the end of its block; without a GPU it stays empty."""

    def __init__(self, uuid: str | None, open_source: Callable[[str], Source | None] = source_for) -> None:
        self._source = open_source(uuid) if uuid else None
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._samples: list[Sample] = []
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> GpuMeter:
        if self._source is not None:
            self.sample()
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._source is not None:
            self._stop.set()
            self._thread.join()
            self._source.close()

    def _follow(self) -> None:
        while not self._stop.wait(INTERVAL_SECONDS):
            self.sample()

    def sample(self) -> None:
        """Take a sample now, beside the regular ones: at the bounds of what is measured."""
        reading = self._source.read() if self._source is not None else None
        if reading is not None:
            with self._lock:
                self._samples.append(Sample(round(time.monotonic() - self._began, 3), reading))

    def mark(self) -> int:
        self.sample()
        return len(self._samples)

    def since(self, mark: int) -> list[Sample]:
        """The samples from the mark to now, the one at the mark among them."""
        self.sample()
        return self._samples[max(mark - 1, 0) :]

    @property
    def samples(self) -> list[Sample]:
        return list(self._samples)


def memory_peak_mib(samples: Sequence[Sample]) -> int | None:
    known = [sample.reading.memory_mib for sample in samples if sample.reading.memory_mib is not None]
    return max(known) if known else None


def energy_j(samples: Sequence[Sample]) -> float | None:
    """What the GPU counted itself; else its power over the time between the samples."""
    counted = [sample.reading.energy_j for sample in samples if sample.reading.energy_j is not None]
    if len(counted) > 1:
        return round(counted[-1] - counted[0], 1)
    powers = [(sample.t, sample.reading.power_w) for sample in samples if sample.reading.power_w is not None]
    if len(powers) < 2:  # noqa: PLR2004 - a time needs two ends
        return None
    pairs = zip(powers, powers[1:])
    return round(sum((later - t) * (power + next_power) / 2 for (t, power), (later, next_power) in pairs), 1)


def as_dicts(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    return [
        {"t": sample.t, "memory_mib": sample.reading.memory_mib, "utilization": sample.reading.utilization}
        for sample in samples
    ]
