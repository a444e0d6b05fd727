# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPUs that the driver counts and that are not to be used, beside others that are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import nvml_errors
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Observation, UnavailableGpu
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.sysfs import HostFacts


@dataclass
class BrokenGpu:
    index: int | None
    # Of NVML; None for a question that could not be asked.
    error: int | None
    said: str
    pci_bus_id: str | None = None
    name: str | None = None

    @property
    def which(self) -> str:
        parts = (None if self.index is None else str(self.index), self.pci_bus_id, self.name and f"({self.name})")
        return " ".join(["GPU", *(part for part in parts if part)])


def add_broken(seen: Observation, host: HostFacts, broken: list[BrokenGpu]) -> None:
    for gpu in _placed(seen, host, broken):
        problem = nvml_errors.gpu_problem(gpu.which, gpu.error, gpu.said)
        seen.problems.append(problem)
        seen.unavailable.append(UnavailableGpu(problem.code, problem.message, gpu.index, gpu.pci_bus_id, gpu.name))


def _placed(seen: Observation, host: HostFacts, broken: list[BrokenGpu]) -> list[BrokenGpu]:
    """With their slots, where the kernel shows as many as are missing: the driver counts in the order of the slots."""
    known = {gpu.pci_bus_id for gpu in seen.gpus} | {gpu.pci_bus_id for gpu in broken}
    missing = sorted(bus_id for bus_id in host.bound_to("nvidia") if bus_id not in known)
    lost = [gpu for gpu in broken if gpu.pci_bus_id is None]
    if len(missing) != len(lost):
        return broken
    places = iter(missing)
    return [replace(gpu, pci_bus_id=next(places)) if gpu.pci_bus_id is None else gpu for gpu in broken]
