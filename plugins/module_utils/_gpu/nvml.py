# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NVML backend, through ``pynvml`` of any age (nvidia-ml-py, or the older pynvml) or the library itself."""

from __future__ import annotations

import re
from typing import Any, Callable

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda import vgpu
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.target import Target
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import Version, driver_version_in
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import nvml_errors, problems
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.broken import BrokenGpu, add_broken
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import (
    Gpu,
    MigDevice,
    Observation,
    Process,
    architecture_of,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml_binding import (
    Answer,
    Binding,
    ask,
    load_own_binding,
    running,
    start,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.pci import canonical_bus_id
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.processes import Processes
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.sysfs import HostFacts
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem

MIB = 1024 * 1024
_TEMPERATURE_GPU = 0
# What NVML gives for a number it does not have.
_NOT_AVAILABLE = (1 << 64) - 1
_NO_INSTANCE = (1 << 32) - 1
_MAX_MIG_DEVICES = 64
_COMPUTE_MODES = {0: "default", 1: "exclusive_thread", 2: "prohibited", 3: "exclusive_process"}
_VIRTUALIZATION = {0: "none", 1: "passthrough", 2: "vgpu", 3: "host_vgpu", 4: "host_vsga"}
# Of the GPU itself, whichever question brought it up.
_BROKEN = (
    nvml_errors.INSUFFICIENT_POWER,
    nvml_errors.GPU_IS_LOST,
    nvml_errors.RESET_REQUIRED,
    nvml_errors.TIMEOUT,
    nvml_errors.UNKNOWN,
)
# No answer, and no word against the GPU.
_NOT_TOLD = (0, None, nvml_errors.NOT_SUPPORTED, nvml_errors.FUNCTION_NOT_FOUND)
# The first whose NVML tells the version of CUDA.
_FIRST_WITH_CUDA_VERSION = "410"


class Nvml:
    def __init__(
        self,
        load: Callable[[], Binding],
        host: HostFacts,
        processes: Processes,
        load_own: Callable[[], Binding] = load_own_binding,
    ) -> None:
        self._load = load
        self._load_own = load_own
        self._nvml: Any = None
        self._host = host
        self._processes = processes

    def observe(self) -> Observation:
        binding, started = start(self._load, self._load_own)
        self._nvml = binding.module
        if self._nvml is None:
            return Observation(problems=[problems.nvml_missing(binding.reason)])
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
            driver_version=driver_version_in(_text(self._ask("nvmlSystemGetDriverVersion").value) or ""),
            library_version=library,
        )
        self._add_cuda_version(seen)
        broken: list[BrokenGpu] = []
        count = self._ask("nvmlDeviceGetCount")
        if count.error != 0:
            return Observation(library_version=library, problems=[self._failure(count.error, library)])
        for index in range(_whole(count.value) or 0):
            handle = self._ask("nvmlDeviceGetHandleByIndex", index)
            if handle.error != 0:
                broken.append(BrokenGpu(index, handle.error, _words(handle.error)))
                continue
            fault = self._fault(handle.value)
            if fault is None:
                seen.gpus.append(self._gpu(index, handle.value))
            else:
                name = _text(self._ask("nvmlDeviceGetName", handle.value).value)
                broken.append(BrokenGpu(index, fault, _words(fault), self._pci_bus_id(handle.value), name))
        add_broken(seen, self._host, broken)
        return seen

    def _fault(self, handle: Any) -> int | None:
        """Why a GPU that has a handle is not to be used."""
        error = self._ask("nvmlDeviceGetUUID", handle).error
        if error not in _NOT_TOLD:
            return error
        for function, arguments in (
            ("nvmlDeviceGetTemperature", (_TEMPERATURE_GPU,)),
            ("nvmlDeviceGetMemoryInfo", ()),
        ):
            error = self._ask(function, handle, *arguments).error
            if error in _BROKEN[:3]:
                return error
        return None

    def _add_cuda_version(self, seen: Observation) -> None:
        for function in ("nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetCudaDriverVersion"):
            answer = self._ask(function)
            version = _whole(answer.value)
            if version:
                seen.cuda_driver_version = f"{version // 1000}.{version % 1000 // 10}"
                return
        # NVML asks libcuda for it. Drivers before 410 do not have the function.
        known = seen.driver_version is not None and Version.leading(seen.driver_version) >= Version.leading(
            _FIRST_WITH_CUDA_VERSION
        )
        seen.libcuda_missing = known and answer.error is not None

    def _gpu(self, index: int, handle: Any) -> Gpu:
        capability = self._ask("nvmlDeviceGetCudaComputeCapability", handle).value
        target = Target(*capability) if capability else None
        utilization = self._ask("nvmlDeviceGetUtilizationRates", handle).value
        milliwatts = _whole(self._ask("nvmlDeviceGetPowerUsage", handle).value)
        mig = self._ask("nvmlDeviceGetMigMode", handle)
        mig_mode = bool(mig.value[0]) if mig.error == 0 else None
        memory = self._memory(handle)
        name = _text(self._ask("nvmlDeviceGetName", handle).value)
        virtualization = _VIRTUALIZATION.get(_number(self._ask("nvmlDeviceGetVirtualizationMode", handle).value))
        return Gpu(
            index=index,
            uuid=_text(self._ask("nvmlDeviceGetUUID", handle).value),
            name=name,
            pci_bus_id=self._pci_bus_id(handle),
            compute_capability=str(target.compute_capability) if target else None,
            architecture=architecture_of(target),
            memory_total_mib=_mib(getattr(memory, "total", None)),
            memory_used_mib=_mib(getattr(memory, "used", None)),
            memory_free_mib=_mib(getattr(memory, "free", None)),
            utilization_percent=_whole(getattr(utilization, "gpu", None)),
            temperature_c=_whole(self._ask("nvmlDeviceGetTemperature", handle, _TEMPERATURE_GPU).value),
            power_w=None if milliwatts is None else milliwatts / 1000,
            persistence_mode=_switch(self._ask("nvmlDeviceGetPersistenceMode", handle).value),
            compute_mode=_COMPUTE_MODES.get(_number(self._ask("nvmlDeviceGetComputeMode", handle).value)),
            virtualization=virtualization,
            vgpu_license=self._license(handle) if virtualization == "vgpu" or vgpu.is_profile(name) else None,
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
                memory = self._memory(handle.value)
                found.append(
                    MigDevice(
                        uuid=_text(self._ask("nvmlDeviceGetUUID", handle.value).value),
                        # "NVIDIA A100-SXM4-40GB MIG 3g.20gb": the profile, as nvidia-smi -L gives it.
                        name=name[name.find("MIG ") :] if name and "MIG " in name else name,
                        memory_total_mib=_mib(getattr(memory, "total", None)),
                        memory_used_mib=_mib(getattr(memory, "used", None)),
                        memory_free_mib=_mib(getattr(memory, "free", None)),
                        gpu_instance_id=_whole(self._ask("nvmlDeviceGetGpuInstanceId", handle.value).value),
                        compute_instance_id=_whole(self._ask("nvmlDeviceGetComputeInstanceId", handle.value).value),
                    )
                )
        return found

    def _process_list(self, gpu: Any) -> list[Process] | None:
        lists = [
            listed
            for listed in (
                running(self._nvml, "nvmlDeviceGetComputeRunningProcesses", gpu),
                running(self._nvml, "nvmlDeviceGetGraphicsRunningProcesses", gpu),
                running(self._nvml, "nvmlDeviceGetMPSComputeRunningProcesses", gpu),
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
                instance = _whole(getattr(entry, "gpuInstanceId", None))
                process.gpu_instance_id = None if instance == _NO_INSTANCE else instance
        return [found[pid] for pid in sorted(found)]

    def _process_name(self, pid: int) -> str | None:
        name = _text(self._ask("nvmlSystemGetProcessName", pid).value)
        return name or self._processes.name(pid)

    def _license(self, handle: Any) -> str | None:
        features = self._ask("nvmlDeviceGetGridLicensableFeatures", handle).value
        if features is None or not features.isGridLicenseSupported:
            return None
        listed = list(features.gridLicensableFeatures)[: features.licensableFeaturesCount]
        if not listed:
            return None
        return "licensed" if any(feature.featureState for feature in listed) else "unlicensed"

    def _failure(self, number: int | None, library: str | None) -> Problem:
        if number is None:
            return problems.nvml_missing("the binding does not work")
        seen = _words(number)
        known = nvml_errors.problem_for(
            number, seen, self._host.kernel_module_version, library or self._host.library_version
        )
        return known or problems.nvml_unknown_error(seen)

    def _ask(self, function: str, *arguments: Any) -> Answer:
        return ask(self._nvml, function, *arguments)


def _words(error: int | None) -> str:
    return "error {} of NVML ({})".format(error, nvml_errors.NAMES.get(-1 if error is None else error, "unnamed"))


def _text(value: Any) -> str | None:
    """Bytes up to nvidia-ml-py 11.510, str since."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, str) and value else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and value != _NOT_AVAILABLE else None


def _number(value: Any) -> int:
    number = _whole(value)
    return -1 if number is None else number


def _mib(value: Any) -> int | None:
    octets = _whole(value)
    return None if octets is None else octets // MIB


def _switch(value: Any) -> bool | None:
    number = _whole(value)
    return None if number is None else bool(number)


def _library_version(nvml_version: str | None) -> str | None:
    """``12.550.163.01`` is the NVML of CUDA 12 in driver 550.163.01."""
    return driver_version_in(re.sub(r"^\d{1,2}\.", "", nvml_version)) if nvml_version else None
