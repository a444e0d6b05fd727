# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One report from what the backends saw: NVML, else nvidia-smi, else the kernel alone."""

from __future__ import annotations

import platform
from typing import Callable

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import command, container_support, fabric, problems
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import (
    Driver,
    Gpu,
    Observation,
    Problem,
    Report,
    branch_of,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvidia_smi import NvidiaSmi
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml import Binding, Nvml, load_binding
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.processes import Processes
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.sysfs import HostFacts, Sysfs
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.unified_memory import with_unified_memory
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.versions import version_key

BACKENDS = ("auto", "nvml", "nvidia_smi", "sysfs")

# Where the kernel says why no tool can work, the tools' own complaints add nothing.
_CONSEQUENCES = ("driver_not_loaded", "nvml_missing", "nvidia_smi_failed", "nvml_unknown_error", "no_permission")


class Detector:
    """Everything from outside comes in here, so that tests can bring a host of their own."""

    def __init__(
        self,
        root: str = "/",
        kernel_release: str | None = None,
        runner: command.Runner = command.run,
        which: command.Which = command.which,
        binding: Callable[[], Binding] = load_binding,
    ) -> None:
        self._root = root
        self._sysfs = Sysfs(root, kernel_release)
        self._processes = Processes(root)
        self._runner = runner
        self._which = which
        self._binding = binding

    def report(self, backend: str = "auto") -> Report:
        host = self._sysfs.observe()
        source, seen = self._observe(backend, host)
        kernel = _kernel_problems(host, seen)
        report = Report(
            source=source,
            # Empty where the platform module cannot tell.
            machine=platform.machine() or None,
            gpu_present=bool(host.devices or seen.gpus),
            driver=_driver(host, seen),
            cuda_driver_version=seen.cuda_driver_version,
            gpus=with_unified_memory(seen.gpus if seen.usable else host.gpus, self._root),
            problems=kernel,
        )
        forced = backend != "auto"
        report.problems += [
            problem for problem in seen.problems if forced or not kernel or problem.code not in _CONSEQUENCES
        ]
        if seen.usable:
            report.problems += _not_offered(host, seen.gpus) + _settings_problems(seen.gpus)
        report.problems += self._surroundings(host, report)
        report.problems = _without_repetition(report.problems)
        return report

    def _observe(self, backend: str, host: HostFacts) -> tuple[str, Observation]:
        if backend == "sysfs":
            return "sysfs", Observation()
        if backend == "nvml":
            return "nvml", Nvml(self._binding(), host, self._processes).observe()
        smi = NvidiaSmi(self._which("nvidia-smi"), self._runner, host, self._processes)
        if backend == "nvidia_smi":
            return "nvidia_smi", smi.observe()
        return self._first_usable(host, smi)

    def _first_usable(self, host: HostFacts, smi: NvidiaSmi) -> tuple[str, Observation]:
        by_nvml = Nvml(self._binding(), host, self._processes).observe()
        if by_nvml.usable:
            return "nvml", by_nvml
        by_smi = smi.observe()
        if by_smi.usable:
            by_smi.library_version = by_smi.library_version or by_nvml.library_version
            return "nvidia_smi", by_smi
        # A missing tool explains nothing where the other one has met the driver itself.
        said = by_nvml.problems + by_smi.problems
        telling = [problem for problem in said if problem.code not in ("nvml_missing", "nvidia_smi_failed")]
        return "sysfs", Observation(library_version=by_nvml.library_version, problems=telling or said)

    def _surroundings(self, host: HostFacts, report: Report) -> list[Problem]:
        if not (report.gpu_present and report.driver.version):
            return []
        found = fabric.problems(fabric.look(self._root, self._runner, self._which), report.driver.version)
        path = container_support.first_libcuda(self._which, self._runner)
        library = container_support.compat_library(path) if path else None
        if library:
            found += container_support.compat_problems(library, host.kernel_module_version, report.gpus)
        return found + container_support.toolkit_problems(self._which, self._runner)


def _driver(host: HostFacts, seen: Observation) -> Driver:
    version = seen.driver_version or host.kernel_module_version
    return Driver(
        version=version,
        branch=branch_of(version),
        # NVML answers, but no module says what it is (WSL, a container without /proc/driver): unknown, not none.
        flavor=None if seen.usable and host.flavor == "none" else host.flavor,
        kernel_module_version=host.kernel_module_version,
        library_version=seen.library_version or host.library_version,
    )


def _kernel_problems(host: HostFacts, seen: Observation) -> list[Problem]:
    if not (host.devices or seen.usable or host.kernel_module_loaded or _met_a_driver(seen)):
        return [problems.no_gpu()]
    found: list[Problem] = []
    nouveau = host.bound_to("nouveau")
    if nouveau:
        found.append(problems.nouveau_bound(nouveau))
    for device in host.devices:
        if device.driver not in (None, "nouveau", "nvidia"):
            found.append(problems.other_driver_bound(device.bus_id, str(device.driver)))
    unbound = host.bound_to(None)
    if unbound and not host.kernel_module_loaded and not seen.usable:
        # Where the list of modules cannot be read, "not loaded" is what is known for sure.
        if host.kernel_module_installed is False:
            found.append(problems.driver_missing(unbound))
        else:
            found.append(problems.driver_not_loaded("no kernel driver holds {}".format(", ".join(unbound))))
    if host.kernel_module_loaded and host.missing_nodes and not seen.usable:
        found.append(problems.device_nodes_missing(host.missing_nodes))
    library = seen.library_version or host.library_version
    if host.kernel_module_version and library and host.kernel_module_version != library:
        found.append(problems.driver_library_mismatch(host.kernel_module_version, library))
    version = seen.driver_version or host.kernel_module_version
    if version and version_key(version) < version_key(problems.OLDEST_USABLE_DRIVER):
        found.append(problems.driver_too_old(version))
    return found


def _met_a_driver(seen: Observation) -> bool:
    """WSL and Jetson have no PCI device to show, yet a driver that can complain."""
    return any(
        problem.code in ("driver_library_mismatch", "gpu_lost", "no_permission", "nvml_unknown_error")
        for problem in seen.problems
    )


def _not_offered(host: HostFacts, gpus: list[Gpu]) -> list[Problem]:
    offered = {gpu.pci_bus_id for gpu in gpus}
    candidates = host.bound_to("nvidia") + host.bound_to(None)
    missing = [bus_id for bus_id in candidates if bus_id not in offered]
    return [problems.gpu_not_initialized(missing)] if missing else []


def _settings_problems(gpus: list[Gpu]) -> list[Problem]:
    found = [
        problems.mig_enabled(_label(gpu), None if gpu.mig_devices is None else len(gpu.mig_devices))
        for gpu in gpus
        if gpu.mig_mode
    ]
    off = [_label(gpu) for gpu in gpus if gpu.persistence_mode is False]
    return found + ([problems.persistence_off(off)] if off else [])


def _label(gpu: Gpu) -> str:
    return "GPU {} ({})".format("?" if gpu.index is None else gpu.index, gpu.name or gpu.uuid or gpu.pci_bus_id)


def _without_repetition(found: list[Problem]) -> list[Problem]:
    """One mismatch seen by two backends is one problem; two lost GPUs are two."""
    kept: list[Problem] = []
    for problem in found:
        same_code = [other for other in kept if other.code == problem.code]
        repeated = problem.code in ("driver_library_mismatch", *_CONSEQUENCES) and same_code
        if not repeated and problem not in same_code:
            kept.append(problem)
    return kept
