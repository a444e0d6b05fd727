# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts as typed plain data. None means: the backend cannot know it."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda import tables
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.target import Target
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem

_UUID = re.compile(r"GPU-[0-9A-Za-z-]+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


def architecture_of(target: Target | None) -> str | None:
    """``6.1`` -> ``pascal``; None for what is in no table."""
    return tables.architecture_name(target.compute_capability) if target else None


def branch_of(driver_version: str | None) -> str | None:
    """``550.163.01`` -> ``550``."""
    return driver_version.split(".", maxsplit=1)[0] if driver_version else None


def is_uuid(text: str | None) -> bool:
    """``GPU-…``, or the bare number of a Tegra; never what a tool says in its place (``GPU requires reset``)."""
    return bool(text and _UUID.fullmatch(text))


@dataclass
class Process:
    pid: int
    name: str | None = None
    used_memory_mib: int | None = None
    container_id: str | None = None
    # Of a process on a MIG device.
    gpu_instance_id: int | None = None


@dataclass
class MigDevice:
    uuid: str | None = None
    name: str | None = None
    memory_total_mib: int | None = None
    memory_used_mib: int | None = None
    memory_free_mib: int | None = None
    # The compute instances of one GPU instance share its memory.
    gpu_instance_id: int | None = None
    compute_instance_id: int | None = None


@dataclass
class Gpu:
    index: int | None = None
    uuid: str | None = None
    name: str | None = None
    pci_bus_id: str | None = None
    compute_capability: str | None = None
    architecture: str | None = None
    memory_total_mib: int | None = None
    memory_used_mib: int | None = None
    memory_free_mib: int | None = None
    utilization_percent: int | None = None
    temperature_c: int | None = None
    power_w: float | None = None
    persistence_mode: bool | None = None
    # default, exclusive_process, exclusive_thread, prohibited
    compute_mode: str | None = None
    # none, passthrough, vgpu, host_vgpu, host_vsga
    virtualization: str | None = None
    # licensed, unlicensed, unlicensed_restricted, unlicensed_unrestricted; None for what is no vGPU
    vgpu_license: str | None = None
    mig_mode: bool | None = None
    # None where the backend cannot list them; an empty list says that there are none.
    mig_devices: list[MigDevice] | None = None
    processes: list[Process] | None = None


@dataclass
class UnavailableGpu:
    """On the bus, or known to the driver, and not to be used."""

    code: str
    reason: str
    index: int | None = None
    pci_bus_id: str | None = None
    name: str | None = None


@dataclass
class Driver:
    version: str | None = None
    branch: str | None = None
    flavor: str | None = None
    kernel_module_version: str | None = None
    library_version: str | None = None


@dataclass
class Report:
    source: str
    # The hardware's name as the kernel gives it: images are made for one.
    machine: str | None = None
    gpu_present: bool = False
    driver: Driver = field(default_factory=Driver)
    cuda_driver_version: str | None = None
    gpus: list[Gpu] = field(default_factory=list)
    unavailable_gpus: list[UnavailableGpu] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Observation:
    """What one backend saw. ``usable`` is False where it could not reach the driver at all; ``problems`` say why."""

    usable: bool = False
    # The driver answers and has no libcuda: no CUDA program can start.
    libcuda_missing: bool = False
    driver_version: str | None = None
    library_version: str | None = None
    cuda_driver_version: str | None = None
    gpus: list[Gpu] = field(default_factory=list)
    unavailable: list[UnavailableGpu] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
