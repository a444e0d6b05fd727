# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One GPU or MIG device, asked by NVML while something runs on it."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml_binding import (
    Answer,
    Binding,
    ask,
    load_binding,
    running,
    start,
)

MIB = 1024 * 1024
_SM_CLOCK = 1
_WHOLE_SHARE = 100
_PROCESS_LISTS = ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses")


class NvmlUnavailableError(Exception):
    """No library, or no such GPU."""


class NvmlDevice:
    """Answers are None where NVML does not have the figure."""

    def __init__(self, uuid: str, load: Callable[[], Binding] = load_binding) -> None:
        binding, started = start(load)
        self._nvml = binding.module
        if started.error != 0:
            raise NvmlUnavailableError(binding.reason or f"nvmlInit: error {started.error} of NVML")
        # A pynvml of before 2022 wants bytes.
        found = [self._ask("nvmlDeviceGetHandleByUUID", form) for form in (uuid, uuid.encode())]
        handles = [answer.value for answer in found if answer.error == 0]
        if not handles:
            self.close()
            raise NvmlUnavailableError(f"no GPU {uuid}: error {found[-1].error} of NVML")
        self._device = handles[0]

    def close(self) -> None:
        self._ask("nvmlShutdown")

    @property
    def minor_number(self) -> int | None:
        """Of the GPU, also for a MIG device."""
        parent = self._ask("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", self._device)
        whole = parent.value if parent.error == 0 else self._device
        return _whole(self._ask("nvmlDeviceGetMinorNumber", whole).value)

    @property
    def utilization_percent(self) -> int | None:
        return _whole(getattr(self._of_device("nvmlDeviceGetUtilizationRates"), "gpu", None))

    @property
    def sm_clock_mhz(self) -> int | None:
        return _whole(self._of_device("nvmlDeviceGetClockInfo", _SM_CLOCK))

    @property
    def memory_used_mib(self) -> int | None:
        used = _whole(getattr(self._of_device("nvmlDeviceGetMemoryInfo"), "used", None))
        return None if used is None else used // MIB

    @property
    def energy_j(self) -> float | None:
        """Since the driver was loaded; GPUs before Volta do not count."""
        millijoules = _whole(self._of_device("nvmlDeviceGetTotalEnergyConsumption"))
        return None if millijoules is None else millijoules / 1000

    @property
    def power_w(self) -> float | None:
        milliwatts = _whole(self._of_device("nvmlDeviceGetPowerUsage"))
        return None if milliwatts is None else milliwatts / 1000

    def processes(self) -> dict[int, int | None] | None:
        """Memory in MiB by PID, of programs that compute and of programs that draw."""
        lists = [running(self._nvml, function, self._device) for function in _PROCESS_LISTS]
        if lists[0] is None:
            return None
        found: dict[int, int | None] = {}
        for entry in [entry for listed in lists for entry in listed or []]:
            used = getattr(entry, "usedGpuMemory", None)
            mib = used // MIB if isinstance(used, int) else None
            # A process in both lists stands in both with all of its memory.
            found[entry.pid] = max((one for one in (mib, found.get(entry.pid)) if one is not None), default=None)
        return found

    def process_utilization(self, since: int) -> tuple[dict[int, int], int] | None:
        """Highest share of the SMs in percent by PID since a time stamp, and the newest time stamp."""
        answer = self._ask("nvmlDeviceGetProcessUtilization", self._device, since)
        if answer.error != 0:
            return None
        highest: dict[int, int] = {}
        newest = since
        for sample in answer.value:
            # The driver fills unused places with zeros, and those of the future with what lay there.
            if sample.timeStamp > since and sample.smUtil <= _WHOLE_SHARE:
                highest[sample.pid] = max(highest.get(sample.pid, 0), sample.smUtil)
                newest = max(newest, sample.timeStamp)
        return highest, newest

    def _of_device(self, function: str, *arguments: Any) -> Any:
        return self._ask(function, self._device, *arguments).value

    def _ask(self, function: str, *arguments: Any) -> Answer:
        return ask(self._nvml, function, *arguments)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None
