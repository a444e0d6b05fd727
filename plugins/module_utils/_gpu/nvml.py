# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NVML backend, through the module ``pynvml`` of any age (package nvidia-ml-py, or the older pynvml)."""

from __future__ import annotations

import ctypes
import re
from typing import Any, NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import nvml_errors, problems
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import (
    Gpu,
    MigDevice,
    Observation,
    Problem,
    Process,
    architecture_of,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.pci import canonical_bus_id
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.processes import Processes
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.sysfs import HostFacts
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.versions import driver_version_in

MIB = 1024 * 1024
_TEMPERATURE_GPU = 0
# What NVML gives for a number it does not have.
_NOT_AVAILABLE = (1 << 64) - 1
# The sizes of NVML's process structure (the first version; the second and third).
_PROCESS_SIZES = (16, 24)
_MAX_MIG_DEVICES = 64


class Binding(NamedTuple):
    """``module`` is None where there is none, and ``reason`` says why."""

    module: Any
    reason: str = ""


class _Answer(NamedTuple):
    value: Any
    # NVML's error number; None for a function that the binding lacks or cannot call.
    error: int | None


def load_binding() -> Binding:
    try:
        import pynvml  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - an optional import
    except Exception as error:
        # Whatever goes wrong in a foreign package: then there is no binding.
        return Binding(None, f"the Python module pynvml cannot be imported ({error})")
    return Binding(pynvml)


class Nvml:
    def __init__(self, binding: Binding, host: HostFacts, processes: Processes) -> None:
        self._nvml = binding.module
        self._reason = binding.reason
        self._host = host
        self._processes = processes

    def observe(self) -> Observation:
        if self._nvml is None:
            return Observation(problems=[problems.nvml_missing(self._reason)])
        started = self._ask("nvmlInit")
        # Answered even where the driver is not: it is the library's own version.
        library = _library_version(_text(self._ask("nvmlSystemGetNVMLVersion").value))
        if started.error != 0:
            return Observation(library_version=library, problems=[self._failure(started.error, library)])
        try:
            return self._observe(library)
        finally:
            self._ask("nvmlShutdown")

    def _observe(self, library: str | None) -> Observation:
        seen = Observation(
            usable=True,
            driver_version=_text(self._ask("nvmlSystemGetDriverVersion").value),
            library_version=library,
            cuda_driver_version=self._cuda_driver_version(),
        )
        for index in range(_whole(self._ask("nvmlDeviceGetCount").value) or 0):
            handle = self._ask("nvmlDeviceGetHandleByIndex", index)
            lost = handle.error == nvml_errors.GPU_IS_LOST
            if handle.error == 0:
                gpu = self._gpu(index, handle.value)
                seen.gpus.append(gpu)
                lost = self._ask("nvmlDeviceGetTemperature", handle.value, _TEMPERATURE_GPU).error == (
                    nvml_errors.GPU_IS_LOST
                )
            elif not lost:
                seen.problems.append(self._failure(handle.error, library, f"GPU {index}: "))
            if lost:
                seen.problems.append(problems.gpu_lost(f"GPU {index}"))
        return seen

    def _gpu(self, index: int, handle: Any) -> Gpu:
        capability = self._ask("nvmlDeviceGetCudaComputeCapability", handle).value
        compute_capability = "{}.{}".format(*capability) if capability else None
        utilization = self._ask("nvmlDeviceGetUtilizationRates", handle).value
        milliwatts = _whole(self._ask("nvmlDeviceGetPowerUsage", handle).value)
        mig = self._ask("nvmlDeviceGetMigMode", handle)
        mig_mode = bool(mig.value[0]) if mig.error == 0 else None
        memory = self._memory(handle)
        return Gpu(
            index=index,
            uuid=_text(self._ask("nvmlDeviceGetUUID", handle).value),
            name=_text(self._ask("nvmlDeviceGetName", handle).value),
            pci_bus_id=self._pci_bus_id(handle),
            compute_capability=compute_capability,
            architecture=architecture_of(compute_capability),
            memory_total_mib=_mib(getattr(memory, "total", None)),
            memory_used_mib=_mib(getattr(memory, "used", None)),
            memory_free_mib=_mib(getattr(memory, "free", None)),
            utilization_percent=_whole(getattr(utilization, "gpu", None)),
            temperature_c=_whole(self._ask("nvmlDeviceGetTemperature", handle, _TEMPERATURE_GPU).value),
            power_w=None if milliwatts is None else milliwatts / 1000,
            persistence_mode=_switch(self._ask("nvmlDeviceGetPersistenceMode", handle).value),
            mig_mode=mig_mode,
            mig_devices=self._mig_devices(handle, mig_mode, mig.error),
            processes=self._process_list(handle),
        )

    def _pci_bus_id(self, handle: Any) -> str | None:
        info = self._ask("nvmlDeviceGetPciInfo", handle).value
        return canonical_bus_id(_text(getattr(info, "busId", None)) or "")

    def _memory(self, handle: Any) -> Any:
        """Version 2 keeps what the driver reserves apart from ``used``, as nvidia-smi does."""
        version = getattr(self._nvml, "nvmlMemory_v2", None)
        if version is not None:
            answer = self._ask("nvmlDeviceGetMemoryInfo", handle, version)
            if answer.error == 0:
                return answer.value
        return self._ask("nvmlDeviceGetMemoryInfo", handle).value

    def _mig_devices(self, gpu: Any, mig_mode: bool | None, error: int | None) -> list[MigDevice] | None:
        if mig_mode is False or error == nvml_errors.NOT_SUPPORTED:
            return []
        if mig_mode is None:
            # A binding or a driver that does not know of MIG cannot say.
            return None
        count = _whole(self._ask("nvmlDeviceGetMaxMigDeviceCount", gpu).value)
        if count is None:
            return None
        found = []
        for number in range(min(count, _MAX_MIG_DEVICES)):
            # Numbers without a device in between are usual.
            handle = self._ask("nvmlDeviceGetMigDeviceHandleByIndex", gpu, number)
            if handle.error == 0:
                name = _text(self._ask("nvmlDeviceGetName", handle.value).value)
                found.append(
                    MigDevice(
                        uuid=_text(self._ask("nvmlDeviceGetUUID", handle.value).value),
                        # "NVIDIA A100-SXM4-40GB MIG 3g.20gb": the profile, as nvidia-smi -L gives it.
                        name=name[name.find("MIG ") :] if name and "MIG " in name else name,
                        memory_total_mib=_mib(getattr(self._memory(handle.value), "total", None)),
                    )
                )
        return found

    def _process_list(self, gpu: Any) -> list[Process] | None:
        lists = [
            listed
            for listed in (
                self._running("nvmlDeviceGetComputeRunningProcesses", gpu),
                self._running("nvmlDeviceGetGraphicsRunningProcesses", gpu),
                self._running("nvmlDeviceGetMPSComputeRunningProcesses", gpu),
            )
            if listed is not None
        ]
        if not lists:
            return None
        found: dict[int, Process] = {}
        for entry in [entry for listed in lists for entry in listed]:
            pid = _whole(entry.pid)
            if pid:
                memory = _mib(getattr(entry, "usedGpuMemory", None))
                process = found.setdefault(pid, Process(pid=pid, name=self._process_name(pid)))
                # A process in two lists stands in both with all of its memory.
                process.used_memory_mib = (
                    max(process.used_memory_mib or 0, memory or 0) if memory is not None else (process.used_memory_mib)
                )
                process.container_id = self._processes.container_id(pid)
        return [found[pid] for pid in sorted(found)]

    def _running(self, function: str, gpu: Any) -> list[Any] | None:
        # The unversioned name means the newest structure: an old driver does not have that function.
        for name in (function + "_v3", function + "_v2", function):
            if not self._fills_known_structure(name):
                continue
            answer = self._ask(name, gpu)
            if answer.error == 0:
                return list(answer.value)
        return None

    def _fills_known_structure(self, function: str) -> bool:
        """nvidia-ml-py 12.535.77 has a structure of 32 bytes, and so reads garbage from the second process on."""
        for name in (f"c_nvmlProcessInfo_{function[-2:]}_t", "c_nvmlProcessInfo_t"):
            structure = getattr(self._nvml, name, None)
            if structure is not None:
                return ctypes.sizeof(structure) in _PROCESS_SIZES
        # A binding that keeps its structures to itself.
        return True

    def _process_name(self, pid: int) -> str | None:
        name = _text(self._ask("nvmlSystemGetProcessName", pid).value)
        return name or self._processes.name(pid)

    def _cuda_driver_version(self) -> str | None:
        for function in ("nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetCudaDriverVersion"):
            version = _whole(self._ask(function).value)
            if version:
                return f"{version // 1000}.{version % 1000 // 10}"
        return None

    def _failure(self, number: int | None, library: str | None, where: str = "") -> Problem:
        if number is None:
            return problems.nvml_missing(where + "the module pynvml does not work")
        seen = "{}error {} of NVML ({})".format(where, number, _ERRORS.get(number, "unnamed"))
        known = nvml_errors.problem_for(
            number, seen, self._host.kernel_module_version, library or self._host.library_version
        )
        return known or problems.nvml_unknown_error(seen)

    def _ask(self, function: str, *arguments: Any) -> _Answer:
        try:
            return _Answer(getattr(self._nvml, function)(*arguments), 0)
        except Exception as error:
            # An NVMLError has its number in ``value``; a binding of another age fails in ways of its own.
            number = getattr(error, "value", None)
            return _Answer(None, number if isinstance(number, int) else None)


_ERRORS = {
    nvml_errors.NO_PERMISSION: "no permission",
    nvml_errors.DRIVER_NOT_LOADED: "driver not loaded",
    nvml_errors.LIBRARY_NOT_FOUND: "libnvidia-ml.so.1 not found",
    nvml_errors.GPU_IS_LOST: "GPU is lost",
    nvml_errors.OPERATING_SYSTEM: "blocked by the operating system or a cgroup",
    nvml_errors.LIB_RM_VERSION_MISMATCH: "driver/library version mismatch",
    nvml_errors.UNKNOWN: "unknown error",
}


def _text(value: Any) -> str | None:
    """Bytes up to nvidia-ml-py 11.510, str since."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, str) and value else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and value != _NOT_AVAILABLE else None


def _mib(value: Any) -> int | None:
    octets = _whole(value)
    return None if octets is None else octets // MIB


def _switch(value: Any) -> bool | None:
    number = _whole(value)
    return None if number is None else bool(number)


def _library_version(nvml_version: str | None) -> str | None:
    """``12.550.163.01`` is the NVML of CUDA 12 in driver 550.163.01."""
    return driver_version_in(re.sub(r"^\d{1,2}\.", "", nvml_version)) if nvml_version else None
