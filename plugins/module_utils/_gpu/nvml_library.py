# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few functions of libnvidia-ml.so.1 that watching one card takes, called directly.

Not through nvidia-ml-py: the proof also runs from a timer, with the system's Python and nothing installed for it.
"""

from __future__ import annotations

import ctypes
from typing import Any

_OK = 0
_INSUFFICIENT_SIZE = 7
# What NVML gives for a number it does not have (under WSL, for a process's memory).
_NOT_AVAILABLE = (1 << 64) - 1
_SM_CLOCK = 1
# Between the question how many and the question which, more may have come.
_SPARE_ENTRIES = 16
MIB = 1024 * 1024


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class _ProcessOld(ctypes.Structure):
    _fields_ = (("pid", ctypes.c_uint), ("used", ctypes.c_ulonglong))


class _Process(ctypes.Structure):
    _fields_ = (
        ("pid", ctypes.c_uint),
        ("used", ctypes.c_ulonglong),
        ("gpu_instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    )


class _ProcessUtilization(ctypes.Structure):
    _fields_ = (
        ("pid", ctypes.c_uint),
        ("timestamp", ctypes.c_ulonglong),
        ("sm", ctypes.c_uint),
        ("memory", ctypes.c_uint),
        ("encoder", ctypes.c_uint),
        ("decoder", ctypes.c_uint),
    )


# An old driver lacks the newer ones; the size of the entries goes with the name.
_PROCESS_LISTS = (("_v3", _Process), ("_v2", _Process), ("", _ProcessOld))


class NvmlError(Exception):
    """NVML refused. ``number`` is its error number, None where the library or a function of it is missing."""

    def __init__(self, function: str, number: int | None) -> None:
        super().__init__(f"{function}: " + ("missing" if number is None else f"error {number} of NVML"))
        self.number = number


def load_library(name: str = "libnvidia-ml.so.1") -> Any:
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise NvmlError(f"{name} ({error})", None) from error


class NvmlLibrary:
    """Answers are None where NVML does not have the figure."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._call("nvmlInit_v2")

    def close(self) -> None:
        self._answer("nvmlShutdown")

    def device(self, uuid: str) -> ctypes.c_void_p:
        """A GPU's or a MIG device's handle."""
        handle = ctypes.c_void_p()
        self._call("nvmlDeviceGetHandleByUUID", uuid.encode(), ctypes.byref(handle))
        return handle

    def whole_gpu(self, device: ctypes.c_void_p) -> ctypes.c_void_p:
        """The GPU of a MIG device, or the GPU itself."""
        parent = ctypes.c_void_p()
        if self._answer("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", device, ctypes.byref(parent)):
            return parent
        return device

    def minor_number(self, device: ctypes.c_void_p) -> int | None:
        minor = ctypes.c_uint()
        answered = self._answer("nvmlDeviceGetMinorNumber", self.whole_gpu(device), ctypes.byref(minor))
        return minor.value if answered else None

    def utilization_percent(self, device: ctypes.c_void_p) -> int | None:
        rates = _Utilization()
        answered = self._answer("nvmlDeviceGetUtilizationRates", device, ctypes.byref(rates))
        return int(rates.gpu) if answered else None

    def sm_clock_mhz(self, device: ctypes.c_void_p) -> int | None:
        clock = ctypes.c_uint()
        answered = self._answer("nvmlDeviceGetClockInfo", device, _SM_CLOCK, ctypes.byref(clock))
        return clock.value if answered else None

    def memory_used_mib(self, device: ctypes.c_void_p) -> int | None:
        memory = _Memory()
        answered = self._answer("nvmlDeviceGetMemoryInfo", device, ctypes.byref(memory))
        return int(memory.used) // MIB if answered else None

    def energy_j(self, device: ctypes.c_void_p) -> float | None:
        """Since the driver was loaded; GPUs before Volta do not count."""
        millijoules = ctypes.c_ulonglong()
        answered = self._answer("nvmlDeviceGetTotalEnergyConsumption", device, ctypes.byref(millijoules))
        return millijoules.value / 1000 if answered else None

    def power_w(self, device: ctypes.c_void_p) -> float | None:
        milliwatts = ctypes.c_uint()
        answered = self._answer("nvmlDeviceGetPowerUsage", device, ctypes.byref(milliwatts))
        return milliwatts.value / 1000 if answered else None

    def processes(self, device: ctypes.c_void_p) -> dict[int, int | None] | None:
        """Memory in MiB by PID, of programs that compute and of programs that draw."""
        lists = [
            self._process_list(kind, device)
            for kind in ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses")
        ]
        if lists[0] is None:
            return None
        found: dict[int, int | None] = {}
        for pid, used in [entry for listed in lists for entry in listed or []]:
            mib = None if used == _NOT_AVAILABLE else used // MIB
            # A process in both lists stands in both with all of its memory.
            found[pid] = max((one for one in (mib, found.get(pid)) if one is not None), default=None)
        return found

    def process_utilization(self, device: ctypes.c_void_p, since: int) -> tuple[dict[int, int], int] | None:
        """Highest share of the SMs in percent by PID since a time stamp, and the newest time stamp."""
        function = "nvmlDeviceGetProcessUtilization"
        entries: Any = (_ProcessUtilization * (256 + _SPARE_ENTRIES))()
        count = ctypes.c_uint(len(entries))
        if not self._answer(function, device, entries, ctypes.byref(count), ctypes.c_ulonglong(since)):
            return None
        highest: dict[int, int] = {}
        newest = since
        for entry in entries[: count.value]:
            # The driver fills unused places with zeros, and those of the future with what lay there.
            if entry.timestamp > since and entry.sm <= 100:  # noqa: PLR2004 - percent
                highest[entry.pid] = max(highest.get(entry.pid, 0), entry.sm)
                newest = max(newest, entry.timestamp)
        return highest, newest

    def _process_list(self, function: str, device: ctypes.c_void_p) -> list[tuple[int, int]] | None:
        for suffix, entry in _PROCESS_LISTS:
            count = ctypes.c_uint(0)
            number = self._number(function + suffix, device, ctypes.byref(count), None)
            if number not in (_OK, _INSUFFICIENT_SIZE):
                continue
            entries: Any = (entry * (count.value + _SPARE_ENTRIES))()
            count = ctypes.c_uint(len(entries))
            if self._number(function + suffix, device, ctypes.byref(count), entries) == _OK:
                return [(int(one.pid), int(one.used)) for one in entries[: count.value]]
        return None

    def _number(self, function: str, *arguments: Any) -> int | None:
        try:
            called = getattr(self._library, function)
        except AttributeError:
            return None
        return int(called(*arguments))

    def _answer(self, function: str, *arguments: Any) -> bool:
        return self._number(function, *arguments) == _OK

    def _call(self, function: str, *arguments: Any) -> None:
        number = self._number(function, *arguments)
        if number != _OK:
            raise NvmlError(function, number)
