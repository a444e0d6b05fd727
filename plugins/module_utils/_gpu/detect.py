# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One report from what the backends saw: NVML, else nvidia-smi, else the kernel alone."""

from __future__ import annotations

import platform
from typing import Callable

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda import vgpu
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.generations import driver_advice
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import Version
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import container_support, fabric, problems, wsl
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.isolation import IsolatedCallError, call_isolated
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import (
    Driver,
    Gpu,
    Observation,
    Report,
    UnavailableGpu,
    branch_of,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvidia_smi import NvidiaSmi
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml import Nvml
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml_binding import Binding, load_binding
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.processes import Processes
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.sysfs import HostFacts, Sysfs
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.unified_memory import with_unified_memory
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem
from ansible_collections.whisperops.gpu.plugins.module_utils._system import run_command

BACKENDS = ("auto", "nvml", "nvidia_smi", "sysfs")

# What does not explain why a tool fails.
_EXPLAINS_NOTHING = ("driver_too_old", "gpu_not_visible")
# Where the kernel says why no tool can work, the tools' own complaints add nothing.
_CONSEQUENCES = ("driver_not_loaded", "nvml_missing", "nvidia_smi_failed", "nvml_unknown_error", "no_permission")


class Detector:
    """Everything from outside comes in here, so that tests can bring a host of their own."""

    isolate: Callable[[Callable[[], Observation]], Observation] = staticmethod(call_isolated)

    def __init__(
        self,
        root: str = "/",
        kernel_release: str | None = None,
        runner: run_command.Runner = run_command.run,
        which: run_command.Which = run_command.which,
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
        smi = NvidiaSmi(self._which("nvidia-smi"), self._runner, host, self._processes)
        source, seen = self._observe(backend, host, smi)
        present = _gpu_present(host, seen, smi)
        kernel = _kernel_problems(host, seen, smi, present)
        report = Report(
            source=source,
            # Empty where the platform module cannot tell.
            machine=platform.machine() or None,
            gpu_present=present,
            driver=_driver(host, seen),
            cuda_driver_version=seen.cuda_driver_version,
            gpus=with_unified_memory(seen.gpus if seen.usable else host.gpus, self._root),
            unavailable_gpus=seen.unavailable,
            problems=kernel,
        )
        forced = backend != "auto"
        explained = not host.wsl and any(problem.code not in _EXPLAINS_NOTHING for problem in kernel)
        report.problems += [
            problem for problem in seen.problems if forced or not explained or problem.code not in _CONSEQUENCES
        ]
        if seen.usable:
            self._add_not_offered(report, host)
            report.problems += _driver_settings(seen) + _settings_problems(seen.gpus)
        report.problems += self._surroundings(host, report)
        report.problems = _without_repetition(report.problems)
        if host.wsl:
            report.problems = [wsl.with_remedy(problem) for problem in report.problems]
        return report

    def _observe(self, backend: str, host: HostFacts, smi: NvidiaSmi) -> tuple[str, Observation]:
        if backend == "sysfs":
            return "sysfs", Observation()
        if backend == "nvml":
            return "nvml", self._by_nvml(host)
        if backend == "nvidia_smi":
            return "nvidia_smi", smi.observe()
        return self._first_usable(host, smi)

    def _by_nvml(self, host: HostFacts) -> Observation:
        try:
            return self.isolate(Nvml(self._binding, host, self._processes).observe)
        except IsolatedCallError as error:
            return Observation(problems=[problems.nvml_unknown_error(str(error))])

    def _first_usable(self, host: HostFacts, smi: NvidiaSmi) -> tuple[str, Observation]:
        by_nvml = self._by_nvml(host)
        if by_nvml.usable:
            return "nvml", by_nvml
        by_smi = smi.observe()
        library = by_nvml.library_version or by_smi.library_version
        if by_smi.usable:
            by_smi.library_version = library
            return "nvidia_smi", by_smi
        # A missing tool explains nothing where the other one has met the driver itself. The tool's words come first.
        said = by_smi.problems + by_nvml.problems
        telling = [problem for problem in said if problem.code not in ("nvml_missing", "nvidia_smi_failed")]
        if not telling:
            telling = by_smi.problems if smi.installed else by_nvml.problems + by_smi.problems
        return "sysfs", Observation(library_version=library, problems=telling)

    def _add_not_offered(self, report: Report, host: HostFacts) -> None:
        held = [p for p in report.problems if p.code in ("nouveau_bound", "other_driver_bound")]
        for device in host.devices:
            reasons = [p for p in held if device.bus_id in p.message]
            if device.driver not in (None, "nvidia") and reasons:
                problem = reasons[0]
                report.unavailable_gpus.append(UnavailableGpu(problem.code, problem.message, pci_bus_id=device.bus_id))
        known = {gpu.pci_bus_id for gpu in report.gpus} | {gpu.pci_bus_id for gpu in report.unavailable_gpus}
        missing = [bus_id for bus_id in host.bound_to("nvidia") + host.bound_to(None) if bus_id not in known]
        nameless = [gpu for gpu in report.unavailable_gpus if gpu.pci_bus_id is None]
        if host.tegra or not missing or len(missing) <= len(nameless):
            # A Tegra's driver does not give the GPU's address.
            return
        problem = problems.gpu_not_initialized(missing, host.flavor)
        report.problems.append(problem)
        names = {gpu.pci_bus_id: gpu.name for gpu in host.gpus}
        report.unavailable_gpus = report.unavailable_gpus + [
            UnavailableGpu(problem.code, problem.message, pci_bus_id=bus_id, name=names.get(bus_id))
            for bus_id in missing
        ]

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
        branch=wsl.branch(version, seen.cuda_driver_version) if host.wsl else branch_of(version),
        # NVML answers, but no module says what it is (WSL, a container without /proc/driver): unknown, not none.
        flavor=None if seen.usable and host.flavor == "none" else host.flavor,
        kernel_module_version=host.kernel_module_version,
        library_version=seen.library_version or host.library_version,
    )


def _gpu_present(host: HostFacts, seen: Observation, smi: NvidiaSmi) -> bool:
    if host.devices or seen.gpus or seen.unavailable or host.wsl_nvidia or host.tegra:
        return True
    # WSL, a virtual machine, a container: what has a tool of the driver's, or met the driver, is no host without a GPU,
    # unless the driver itself answers that there is none.
    silent = not seen.usable and (_met_a_driver(seen) or (smi.installed and bool(seen.problems)))
    return silent or (host.wsl and smi.installed)


def _kernel_problems(host: HostFacts, seen: Observation, smi: NvidiaSmi, present: bool) -> list[Problem]:
    if not present:
        return [] if host.kernel_module_loaded and not seen.usable else [problems.no_gpu()]
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
    if host.kernel_module_loaded and host.missing_nodes and not (seen.usable or host.tegra):
        found.append(problems.device_nodes_missing(host.missing_nodes))
    library = seen.library_version or host.library_version
    if host.kernel_module_version and library and host.kernel_module_version != library:
        found.append(problems.driver_library_mismatch(host.kernel_module_version, library))
    version = seen.driver_version or host.kernel_module_version
    if version and Version.leading(version) < Version.leading(problems.OLDEST_USABLE_DRIVER):
        names = [gpu.name for gpu in (seen.gpus or host.gpus)]
        found.append(problems.driver_too_old(version, driver_advice(names, problems.OLDEST_USABLE_DRIVER)))
    if host.tegra and not (seen.usable or smi.installed):
        found.append(problems.tegra_release_too_old(host.tegra))
    said = seen.problems[0].message if seen.problems else "It says that there are no devices."
    if not (host.devices or seen.gpus or seen.unavailable or host.tegra or (host.wsl and seen.problems)):
        found.append(problems.gpu_not_visible(said))
    return found


def _met_a_driver(seen: Observation) -> bool:
    """WSL and Jetson have no PCI device to show, yet a driver that can complain."""
    return any(
        problem.code in ("driver_library_mismatch", "gpu_lost", "no_permission", "nvml_unknown_error")
        for problem in seen.problems
    )


def _driver_settings(seen: Observation) -> list[Problem]:
    if not seen.libcuda_missing:
        return []
    manager = any(gpu.virtualization in ("host_vgpu", "host_vsga") for gpu in seen.gpus)
    return [problems.libcuda_missing("it is a vGPU manager" if manager else "it reports no CUDA version")]


def _settings_problems(gpus: list[Gpu]) -> list[Problem]:
    found = [
        problems.mig_enabled(_label(gpu), None if gpu.mig_devices is None else len(gpu.mig_devices))
        for gpu in gpus
        if gpu.mig_mode
    ]
    for gpu in gpus:
        if gpu.compute_mode == "prohibited":
            found.append(problems.compute_mode_prohibited(_label(gpu)))
        elif gpu.compute_mode in ("exclusive_process", "exclusive_thread"):
            found.append(problems.compute_mode_exclusive(_label(gpu)))
        why = vgpu.why_without_cuda(gpu.name) or vgpu.why_perhaps_without_cuda(gpu.name)
        if why:
            found.append(problems.vgpu_without_cuda(_label(gpu), why))
        is_vgpu = gpu.virtualization == "vgpu" or vgpu.is_profile(gpu.name)
        if is_vgpu and (gpu.vgpu_license or "").startswith("unlicensed"):
            found.append(problems.vgpu_unlicensed(_label(gpu), str(gpu.vgpu_license).replace("_", ", ")))
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
