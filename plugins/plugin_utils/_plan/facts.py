# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``nvidia_gpu_info`` saw, as far as the decision needs it. Anything may be missing or null."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda import tables, vgpu
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.target import Target

from .policy import PlanInputError, refuse
from .verdict import Driver, Gpu

_PLATFORMS = {
    "x86_64": "linux/amd64",
    "amd64": "linux/amd64",
    "aarch64": "linux/arm64",
    "arm64": "linux/arm64",
}
OWN_PROCESS = "whisper-server"
# Problems of a driver that works: none of them explains why one does not.
_BESIDE_THE_DRIVER = (
    "compat_library_shadows_driver",
    "compute_mode_exclusive",
    "compute_mode_prohibited",
    "mig_enabled",
    "persistence_off",
    "toolkit_missing",
    "toolkit_vulnerable",
    "vgpu_unlicensed",
    "vgpu_without_cuda",
)
# In the first of these states CUDA works for a while; in the others it fails.
_LICENSE_MISSING = ("unlicensed", "unlicensed_restricted")


@dataclass(frozen=True)
class HostGpu:
    uuid: str | None
    name: str
    known: Gpu | None  # None where the driver does not tell the compute capability
    pci_bus_id: str
    architecture: str | None
    memory_total_mib: int | None
    memory_available_mib: int | None
    mig_enabled: bool = False
    mig_devices: tuple[HostGpu, ...] = ()
    # Of a MIG device: the compute instances of one GPU instance share its memory.
    gpu_instance: int | None = None
    # One program at a time may compute on it.
    exclusive: bool = False
    # Why it is not served although the driver answers for it: code, reason, remedy.
    refused: tuple[str, str, str] | None = None

    @property
    def gpu(self) -> Gpu:
        if self.known is None:
            raise ValueError(f"the compute capability of {self.name} is not known")
        return self.known

    def __str__(self) -> str:
        known = str(self.known or self.name)
        return f"{known} {self.uuid}" if self.uuid else f"{known} at {self.pci_bus_id}" if self.pci_bus_id else known


@dataclass(frozen=True)
class Host:
    gpu_present: bool
    gpus: tuple[HostGpu, ...]
    driver: Driver
    flavor: str | None
    platform: str
    problems: tuple[tuple[str, str, str], ...]  # code, message, remedy
    unavailable: tuple[tuple[str, str], ...] = ()  # code, reason
    cores: int | None = None

    @property
    def driver_problems(self) -> tuple[tuple[str, str, str], ...]:
        return tuple(problem for problem in self.problems if problem[0] not in _BESIDE_THE_DRIVER)

    @property
    def driver_answers(self) -> bool:
        return self.driver.version is not None or self.driver.cuda is not None

    def has_problem(self, code: str) -> bool:
        return any(problem[0] == code for problem in self.problems)

    def remedy_for(self, message: str) -> str | None:
        return next((remedy for _code, said, remedy in self.problems if said == message and remedy), None)


def read_host(info: Any) -> Host:
    if not isinstance(info, Mapping):
        raise refuse("gpu_info", info, "the result of whisperops.gpu.nvidia_gpu_info")
    gpus = _sequence(info, "gpus")
    driver = info.get("driver") or {}
    if not isinstance(driver, Mapping):
        raise refuse("gpu_info.driver", driver, "a dictionary with version, branch, flavor")
    host_gpus = tuple(sorted((_read_gpu(gpu, n) for n, gpu in enumerate(gpus)), key=_order))
    present = info.get("gpu_present")
    try:
        found = Driver.of(
            _text(driver.get("version")), _text(info.get("cuda_driver_version")), _text(driver.get("branch"))
        )
    except ValueError as error:
        raise PlanInputError(f"gpu_info.driver: {error}.") from None
    return Host(
        gpu_present=bool(host_gpus) if present is None else bool(present) or bool(host_gpus),
        gpus=host_gpus,
        driver=found,
        flavor=_text(driver.get("flavor")),
        platform=_platform(info.get("machine"), host_gpus),
        cores=_number(info.get("cores")),
        problems=tuple(
            sorted(
                (str(p.get("code") or ""), str(p.get("message") or ""), str(p.get("remedy") or ""))
                for p in _sequence(info, "problems")
                if isinstance(p, Mapping)
            )
        ),
        unavailable=tuple(
            (str(gpu.get("code") or "driver_not_answering"), str(gpu.get("reason") or ""))
            for gpu in _sequence(info, "unavailable_gpus")
            if isinstance(gpu, Mapping)
        ),
    )


def _sequence(info: Mapping[str, Any], key: str) -> tuple[Any, ...]:
    value = info.get(key)
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise refuse(f"gpu_info.{key}", value, "a list")
    return tuple(value)


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _number(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _order(gpu: HostGpu) -> tuple[str, str]:
    """By slot, which neither a reboot nor another GPU's failure moves."""
    return (gpu.pci_bus_id.lower(), gpu.uuid or "")


def _read_gpu(gpu: Any, number: int) -> HostGpu:
    where = f"gpu_info.gpus[{number}]"
    if not isinstance(gpu, Mapping):
        raise refuse(where, gpu, "a dictionary")
    capability = _text(gpu.get("compute_capability"))
    try:
        target = Target.of_gpu(capability) if capability else None
    except ValueError:
        raise refuse(f"{where}.compute_capability", capability, "a string such as '6.1', or null") from None
    uuid = _text(gpu.get("uuid"))
    name = _text(gpu.get("name")) or "NVIDIA GPU"
    devices = gpu.get("mig_devices") or ()
    if not isinstance(devices, (list, tuple)):
        raise refuse(f"{where}.mig_devices", devices, "a list")
    return HostGpu(
        uuid=uuid,
        name=name,
        known=Gpu(name, target) if target else None,
        pci_bus_id=_text(gpu.get("pci_bus_id")) or "",
        architecture=_text(gpu.get("architecture")),
        memory_total_mib=_number(gpu.get("memory_total_mib")),
        memory_available_mib=_available(gpu),
        exclusive=str(gpu.get("compute_mode")).startswith("exclusive"),
        refused=_refused(gpu, name),
        mig_enabled=gpu.get("mig_mode") in (True, "enabled", "Enabled"),
        mig_devices=tuple(_mig_device(one, gpu, name, target) for one in devices if isinstance(one, Mapping)),
    )


def _mig_device(device: Mapping[str, Any], gpu: Mapping[str, Any], name_of_gpu: str, target: Target | None) -> HostGpu:
    """A part of a GPU, in its place and of its compute capability."""
    name = _text(device.get("name")) or f"a MIG device of {name_of_gpu}"
    return HostGpu(
        uuid=_text(device.get("uuid")),
        name=name,
        known=Gpu(name, target) if target else None,
        pci_bus_id=_text(gpu.get("pci_bus_id")) or "",
        architecture=_text(gpu.get("architecture")),
        memory_total_mib=_number(device.get("memory_total_mib")),
        memory_available_mib=_available({**device, "processes": _of_instance(gpu, device)}),
        gpu_instance=_number(device.get("gpu_instance_id")),
    )


def _refused(gpu: Mapping[str, Any], name: str) -> tuple[str, str, str] | None:
    if gpu.get("compute_mode") == "prohibited":
        reason = f"{name} is in compute mode Prohibited: no program may compute on it."
        return "compute_mode_prohibited", reason, "Run `nvidia-smi -i INDEX -c DEFAULT` as root."
    is_vgpu = gpu.get("virtualization") == "vgpu" or vgpu.is_profile(name)
    if is_vgpu and gpu.get("vgpu_license") in _LICENSE_MISSING:
        reason = f"{name} is a vGPU without a license: CUDA fails on it, at once or after a while."
        return "vgpu_unlicensed", reason, "Give the virtual machine its vGPU license."
    why = vgpu.why_without_cuda(name)
    if why:
        reason = f"{name} is a vGPU whose profile is not made for CUDA: {why}"
        return "vgpu_without_cuda", reason, "Give the virtual machine a C-series or a whole Q-series profile."
    return None


def _of_instance(gpu: Mapping[str, Any], device: Mapping[str, Any]) -> list[Any]:
    """The processes of a MIG device, where the driver says to which GPU instance each belongs."""
    instance = device.get("gpu_instance_id")
    return [
        process
        for process in gpu.get("processes") or ()
        if isinstance(process, Mapping) and instance is not None and process.get("gpu_instance_id") == instance
    ]


def _available(gpu: Mapping[str, Any]) -> int | None:
    """Free memory, and what our own servers hold: they make room for their successors.

    Where the driver does not say how much they hold, what the GPU has in all is the only bound that stays the same
    from one run to the next.
    """
    processes = gpu.get("processes") or ()
    own = [p for p in processes if isinstance(p, Mapping) and OWN_PROCESS in str(p.get("name"))]
    used = [_number(process.get("used_memory_mib")) for process in own]
    free = _number(gpu.get("memory_free_mib"))
    if free is None or any(number is None for number in used):
        return _number(gpu.get("memory_total_mib"))
    return free + sum(number for number in used if number is not None)


def _platform(machine: Any, gpus: tuple[HostGpu, ...]) -> str:
    """Where the facts do not name the machine: Jetson and GB10 are ARM, everything else counts as x86."""
    if machine is not None:
        platform = _PLATFORMS.get(str(machine))
        return platform or f"linux/{machine}"
    capabilities = [gpu.known.compute_capability for gpu in gpus if gpu.known]
    known = [tables.ARCHITECTURES.get(capability) for capability in capabilities]
    arm = any(architecture is not None and architecture.tegra for architecture in known) or (12, 1) in capabilities
    return "linux/arm64" if arm else "linux/amd64"
