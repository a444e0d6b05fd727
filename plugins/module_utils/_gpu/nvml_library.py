# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libnvidia-ml.so.1 called directly, under the names that ``pynvml`` gives its functions.

The library comes with every driver, nvidia-ml-py with none. What is here is what this collection asks; drivers from
340 on answer it. Where a driver lacks the newest form of a function, the next older one is called.
"""

from __future__ import annotations

import ctypes
from typing import Any, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import nvml_structures as structures

LIBRARY = "libnvidia-ml.so.1"
# Where the loader does not look: under WSL the library lies beside Windows' own.
ELSEWHERE = ("/usr/lib/wsl/lib",)

_SUCCESS = 0
_INSUFFICIENT_SIZE = 7
FUNCTION_NOT_FOUND = 13
# What NVML gives for a number it does not have (under WSL, for a process's memory).
_NOT_AVAILABLE = (1 << 64) - 1
# Between the question how many and the question which, more may have come.
_SPARE_ENTRIES = 16
_SAMPLES = 256
_TEXT_BYTES = 128
_PATH_BYTES = 1024
_LICENSES: tuple[tuple[str, type[ctypes.Structure]], ...] = (
    ("_v4", structures.LicensableFeatureV4),
    ("_v3", structures.LicensableFeatureV3),
    ("_v2", structures.LicensableFeatureV2),
    ("", structures.LicensableFeatureV1),
)


class NvmlError(Exception):
    """NVML refused. ``value`` is its error number, as in pynvml's NVMLError."""

    def __init__(self, value: int, seen: str) -> None:
        super().__init__(f"{seen}: error {value} of NVML")
        self.value = value


class MissingFunctionError(NvmlError):
    """The library of this driver does not have the function at all: nothing was asked."""

    def __init__(self, name: str) -> None:
        super().__init__(FUNCTION_NOT_FOUND, name)


def open_library(name: str = LIBRARY) -> NvmlLibrary:
    """OSError where there is none, or it cannot be loaded."""
    try:
        return NvmlLibrary(ctypes.CDLL(name))
    except OSError:
        for directory in ELSEWHERE if "/" not in name else ():
            try:
                return NvmlLibrary(ctypes.CDLL(f"{directory}/{name}"))
            except OSError:
                continue
        raise


class NvmlLibrary:
    """What a program finds in the module ``pynvml``."""

    nvmlMemory_v2 = ctypes.sizeof(structures.MemoryV2) | 2 << 24
    NVMLError = NvmlError

    def __init__(self, library: Any) -> None:
        self._library = library

    # The names below are those of pynvml.

    def nvmlInit(self) -> None:
        self._first(("nvmlInit_v2", "nvmlInit"))

    def nvmlShutdown(self) -> None:
        self._call("nvmlShutdown")

    def nvmlSystemGetNVMLVersion(self) -> str:
        return self._text(("nvmlSystemGetNVMLVersion",))

    def nvmlSystemGetDriverVersion(self) -> str:
        return self._text(("nvmlSystemGetDriverVersion",))

    def nvmlSystemGetCudaDriverVersion(self) -> int:
        version = ctypes.c_int()
        self._first(("nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetCudaDriverVersion"), ctypes.byref(version))
        return version.value

    def nvmlSystemGetProcessName(self, pid: int) -> str:
        return self._text(("nvmlSystemGetProcessName",), ctypes.c_uint(pid), size=_PATH_BYTES)

    def nvmlDeviceGetCount(self) -> int:
        return self._number(("nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"))

    def nvmlDeviceGetHandleByIndex(self, index: int) -> ctypes.c_void_p:
        names = ("nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex")
        return self._handle(names, ctypes.c_uint(index))

    def nvmlDeviceGetHandleByUUID(self, uuid: str | bytes) -> ctypes.c_void_p:
        return self._handle(("nvmlDeviceGetHandleByUUID",), uuid.encode() if isinstance(uuid, str) else uuid)

    def nvmlDeviceGetUUID(self, device: ctypes.c_void_p) -> str:
        return self._text(("nvmlDeviceGetUUID",), device)

    def nvmlDeviceGetName(self, device: ctypes.c_void_p) -> str:
        return self._text(("nvmlDeviceGetName",), device)

    def nvmlDeviceGetMinorNumber(self, device: ctypes.c_void_p) -> int:
        return self._number(("nvmlDeviceGetMinorNumber",), device)

    def nvmlDeviceGetPciInfo(self, device: ctypes.c_void_p) -> Any:
        info = structures.PciInfo()
        try:
            self._call("nvmlDeviceGetPciInfo_v3", device, ctypes.byref(info))
        except MissingFunctionError:
            before = structures.PciInfoV2()
            self._first(("nvmlDeviceGetPciInfo_v2", "nvmlDeviceGetPciInfo"), device, ctypes.byref(before))
            return before
        return info

    def nvmlDeviceGetCudaComputeCapability(self, device: ctypes.c_void_p) -> tuple[int, int]:
        major, minor = ctypes.c_int(), ctypes.c_int()
        self._call("nvmlDeviceGetCudaComputeCapability", device, ctypes.byref(major), ctypes.byref(minor))
        return major.value, minor.value

    def nvmlDeviceGetMemoryInfo(self, device: ctypes.c_void_p, version: int | None = None) -> Any:
        if not version:
            memory = structures.Memory()
            self._call("nvmlDeviceGetMemoryInfo", device, ctypes.byref(memory))
            return memory
        newer = structures.MemoryV2(version=version)
        self._call("nvmlDeviceGetMemoryInfo_v2", device, ctypes.byref(newer))
        return newer

    def nvmlDeviceGetUtilizationRates(self, device: ctypes.c_void_p) -> Any:
        rates = structures.Utilization()
        self._call("nvmlDeviceGetUtilizationRates", device, ctypes.byref(rates))
        return rates

    def nvmlDeviceGetClockInfo(self, device: ctypes.c_void_p, clock: int) -> int:
        return self._number(("nvmlDeviceGetClockInfo",), device, ctypes.c_uint(clock))

    def nvmlDeviceGetTemperature(self, device: ctypes.c_void_p, sensor: int) -> int:
        return self._number(("nvmlDeviceGetTemperature",), device, ctypes.c_uint(sensor))

    def nvmlDeviceGetPowerUsage(self, device: ctypes.c_void_p) -> int:
        return self._number(("nvmlDeviceGetPowerUsage",), device)

    def nvmlDeviceGetTotalEnergyConsumption(self, device: ctypes.c_void_p) -> int:
        millijoules = ctypes.c_ulonglong()
        self._call("nvmlDeviceGetTotalEnergyConsumption", device, ctypes.byref(millijoules))
        return millijoules.value

    def nvmlDeviceGetPersistenceMode(self, device: ctypes.c_void_p) -> int:
        return self._number(("nvmlDeviceGetPersistenceMode",), device)

    def nvmlDeviceGetComputeMode(self, device: ctypes.c_void_p) -> int:
        return self._number(("nvmlDeviceGetComputeMode",), device)

    def nvmlDeviceGetVirtualizationMode(self, device: ctypes.c_void_p) -> int:
        return self._number(("nvmlDeviceGetVirtualizationMode",), device)

    def nvmlDeviceGetGridLicensableFeatures(self, device: ctypes.c_void_p) -> Any:
        for suffix, feature in _LICENSES:
            features = structures.licensable_features(feature)()
            try:
                self._call("nvmlDeviceGetGridLicensableFeatures" + suffix, device, ctypes.byref(features))
            except MissingFunctionError:
                continue
            return features
        raise MissingFunctionError("nvmlDeviceGetGridLicensableFeatures")

    def nvmlDeviceGetMigMode(self, device: ctypes.c_void_p) -> list[int]:
        current, pending = ctypes.c_uint(), ctypes.c_uint()
        self._call("nvmlDeviceGetMigMode", device, ctypes.byref(current), ctypes.byref(pending))
        return [current.value, pending.value]

    def nvmlDeviceGetMaxMigDeviceCount(self, device: ctypes.c_void_p) -> int:
        return self._number(("nvmlDeviceGetMaxMigDeviceCount",), device)

    def nvmlDeviceGetMigDeviceHandleByIndex(self, device: ctypes.c_void_p, index: int) -> ctypes.c_void_p:
        return self._handle(("nvmlDeviceGetMigDeviceHandleByIndex",), device, ctypes.c_uint(index))

    def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self, device: ctypes.c_void_p) -> ctypes.c_void_p:
        return self._handle(("nvmlDeviceGetDeviceHandleFromMigDeviceHandle",), device)

    def nvmlDeviceGetGpuInstanceId(self, device: ctypes.c_void_p) -> int:
        return self._number(("nvmlDeviceGetGpuInstanceId",), device)

    def nvmlDeviceGetComputeInstanceId(self, device: ctypes.c_void_p) -> int:
        return self._number(("nvmlDeviceGetComputeInstanceId",), device)

    def nvmlDeviceGetComputeRunningProcesses(self, device: ctypes.c_void_p) -> list[Any]:
        return self._processes("nvmlDeviceGetComputeRunningProcesses", device)

    def nvmlDeviceGetGraphicsRunningProcesses(self, device: ctypes.c_void_p) -> list[Any]:
        return self._processes("nvmlDeviceGetGraphicsRunningProcesses", device)

    def nvmlDeviceGetMPSComputeRunningProcesses(self, device: ctypes.c_void_p) -> list[Any]:
        return self._processes("nvmlDeviceGetMPSComputeRunningProcesses", device)

    def nvmlDeviceGetProcessUtilization(self, device: ctypes.c_void_p, since: int) -> list[Any]:
        entries: Any = (structures.ProcessUtilizationSample * (_SAMPLES + _SPARE_ENTRIES))()
        count = ctypes.c_uint(len(entries))
        self._call("nvmlDeviceGetProcessUtilization", device, entries, ctypes.byref(count), ctypes.c_ulonglong(since))
        return list(entries[: count.value])

    # How they are called.

    def _processes(self, function: str, device: ctypes.c_void_p) -> list[Any]:
        # The size of the entries goes with the name.
        for suffix, entry in (
            ("_v3", structures.ProcessInfo),
            ("_v2", structures.ProcessInfo),
            ("", structures.ProcessInfoV1),
        ):
            count = ctypes.c_uint(0)
            try:
                self._call(function + suffix, device, ctypes.byref(count), None)
            except MissingFunctionError:
                continue
            except NvmlError as error:
                if error.value == FUNCTION_NOT_FOUND:
                    continue
                if error.value != _INSUFFICIENT_SIZE:
                    raise
            entries: Any = (entry * (count.value + _SPARE_ENTRIES))()
            count = ctypes.c_uint(len(entries))
            self._call(function + suffix, device, ctypes.byref(count), entries)
            return [_Process(one) for one in entries[: count.value]]
        raise MissingFunctionError(function)

    def _number(self, names: Sequence[str], *arguments: Any) -> int:
        number = ctypes.c_uint()
        self._first(names, *arguments, ctypes.byref(number))
        return number.value

    def _handle(self, names: Sequence[str], *arguments: Any) -> ctypes.c_void_p:
        handle = ctypes.c_void_p()
        self._first(names, *arguments, ctypes.byref(handle))
        return handle

    def _text(self, names: Sequence[str], *arguments: Any, size: int = _TEXT_BYTES) -> str:
        buffer = ctypes.create_string_buffer(size)
        self._first(names, *arguments, buffer, ctypes.c_uint(size))
        return buffer.value.decode("utf-8", "replace")

    def _first(self, names: Sequence[str], *arguments: Any) -> None:
        """By the first of the names that the library has."""
        for name in names[:-1]:
            try:
                return self._call(name, *arguments)
            except MissingFunctionError:
                continue
        return self._call(names[-1], *arguments)

    def _call(self, name: str, *arguments: Any) -> None:
        try:
            function = getattr(self._library, name)
        except AttributeError:
            raise MissingFunctionError(name) from None
        number = int(function(*arguments))
        if number != _SUCCESS:
            raise NvmlError(number, name)


class _Process:
    """As pynvml gives it: what is not known is None."""

    def __init__(self, entry: Any) -> None:
        self.pid = int(entry.pid)
        self.usedGpuMemory = None if entry.usedGpuMemory == _NOT_AVAILABLE else int(entry.usedGpuMemory)
        self.gpuInstanceId = getattr(entry, "gpuInstanceId", None)
        self.computeInstanceId = getattr(entry, "computeInstanceId", None)
