# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every problem this collection can see on a GPU host: what was seen, and what to do about it.

One builder for one code, named after it; docs/troubleshooting.md has a section for each.
"""

from __future__ import annotations

from typing import Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Problem
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.versions import version_key

CODES = (
    "no_gpu",
    "driver_missing",
    "nouveau_bound",
    "other_driver_bound",
    "driver_not_loaded",
    "device_nodes_missing",
    "driver_library_mismatch",
    "driver_too_old",
    "gpu_not_initialized",
    "gpu_not_visible",
    "gpu_not_answering",
    "gpu_requires_reset",
    "gpu_power_missing",
    "gpu_lost",
    "no_permission",
    "nvml_unknown_error",
    "nvml_missing",
    "nvidia_smi_failed",
    "tegra_release_too_old",
    "libcuda_missing",
    "compute_mode_prohibited",
    "compute_mode_exclusive",
    "vgpu_unlicensed",
    "vgpu_without_cuda",
    "mig_enabled",
    "persistence_off",
    "compat_library_shadows_driver",
    "toolkit_missing",
    "toolkit_vulnerable",
)

# The minor-version compatibility floor of CUDA 11, below which no toolkit that this collection knows can run.
OLDEST_USABLE_DRIVER = "450.80.02"
# CVE-2026-24260 (a time-of-check race, CVSS 8.5) is fixed here.
TOOLKIT_SECURITY_FLOOR = "1.19.1"
OLD_GPUS = "Maxwell, Pascal and Volta need driver branch 580 at the newest, with its proprietary kernel modules."


def _problem(code: str, message: str, remedy: str) -> Problem:
    return Problem(code=code, message=message, remedy=f"{remedy} See docs/troubleshooting.md#{code}")


def _listed(items: Sequence[str]) -> str:
    return ", ".join(items)


def no_gpu() -> Problem:
    return _problem(
        "no_gpu",
        "The PCI bus has no NVIDIA display device (vendor 0x10de, class 0x03xxxx).",
        "If the host should have one: check that the GPU is seated and powered, enabled in the firmware, and in a"
        " virtual machine passed through. Otherwise plan this host for the CPU.",
    )


def driver_missing(bus_ids: Sequence[str]) -> Problem:
    return _problem(
        "driver_missing",
        f"NVIDIA hardware at {_listed(bus_ids)}, but no NVIDIA kernel module is installed for the running kernel.",
        "Install the NVIDIA driver of the distribution together with the headers of the running kernel, then reboot."
        f" {OLD_GPUS}",
    )


def nouveau_bound(bus_ids: Sequence[str]) -> Problem:
    return _problem(
        "nouveau_bound",
        f"The kernel driver nouveau holds {_listed(bus_ids)}; it cannot run CUDA.",
        "Install the NVIDIA driver, blacklist nouveau, rebuild the initramfs and reboot.",
    )


def other_driver_bound(bus_id: str, driver: str) -> Problem:
    return _problem(
        "other_driver_bound",
        f"The kernel driver {driver} holds {bus_id}, so the NVIDIA driver cannot use it.",
        "If the GPU is passed through to a virtual machine (vfio-pci), deploy inside that machine; if not, take it"
        f" away from {driver} (driver_override, kernel command line, modprobe.d) and reboot.",
    )


def driver_not_loaded(seen: str) -> Problem:
    return _problem(
        "driver_not_loaded",
        f"The NVIDIA driver is not loaded: {seen}",
        "Run 'modprobe nvidia' and read 'dmesg' for its complaint: a module built for another kernel (reboot or"
        " rebuild with DKMS), or Secure Boot refusing an unsigned module (enrol the key; it needs the console).",
    )


def device_nodes_missing(nodes: Sequence[str]) -> Problem:
    return _problem(
        "device_nodes_missing",
        f"The NVIDIA kernel module is loaded, but the device nodes {_listed(nodes)} do not exist.",
        "Run 'nvidia-modprobe' or 'nvidia-smi' once as root, and enable nvidia-persistenced so that they exist after"
        " each boot. In a container: give it the devices.",
    )


def driver_library_mismatch(kernel_module: str | None, library: str | None) -> Problem:
    newer = (
        "The driver packages were upgraded while the old module stayed loaded: reboot, or stop everything that uses"
        " the GPU and reload the nvidia modules. Hold driver packages back from unattended upgrades."
    )
    older = (
        "The libraries are older than the module, so that a reboot does not help. In a container: install the libraries"
        f" of the host's driver, version {kernel_module}. On the host: remove what was left of the older driver."
    )
    remedy = f"Libraries newer than the module: {newer} Libraries older than the module: {older}"
    if kernel_module and library:
        remedy = older if version_key(library) < version_key(kernel_module) else newer
    return _problem(
        "driver_library_mismatch",
        "The NVIDIA libraries (version {}) do not fit the loaded kernel module (version {}).".format(
            library or "unknown", kernel_module or "unknown"
        ),
        remedy,
    )


def driver_too_old(version: str, advice: str) -> Problem:
    """``advice``: which driver the GPUs of this host can have, if any."""
    return _problem(
        "driver_too_old",
        f"Driver {version} is older than {OLDEST_USABLE_DRIVER}, which CUDA 11 needs at least.",
        advice,
    )


def gpu_not_initialized(bus_ids: Sequence[str], flavor: str | None) -> Problem:
    modules = {
        "open": "The open kernel modules are loaded, which drive Turing and newer GPUs only: Maxwell, Pascal and Volta"
        f" need the proprietary ones. {OLD_GPUS}",
        "proprietary": f"The proprietary kernel modules are loaded: Blackwell needs the open ones. {OLD_GPUS}",
    }.get(str(flavor), f"The GPU may need the open or the proprietary kernel module. {OLD_GPUS}")
    return _problem(
        "gpu_not_initialized",
        f"The PCI bus has NVIDIA hardware at {_listed(bus_ids)} that the loaded driver does not offer.",
        f"{modules} 'dmesg | grep -i -e NVRM -e Xid' says which it is: a driver branch that does not know this GPU or"
        " has dropped it, the wrong kernel modules, a lack of power, or a GPU that has fallen off the bus.",
    )


def gpu_not_visible(seen: str) -> Problem:
    return _problem(
        "gpu_not_visible",
        f"nvidia-smi is installed and gives no GPU, and the PCI bus shows no NVIDIA device. {seen}",
        "If the host should have a GPU: check that it is seated, enabled in the firmware, and passed through to the"
        " virtual machine or container. If it has none: remove nvidia-smi, or set 'allow_cpu: always'.",
    )


def gpu_not_answering(which: str, seen: str) -> Problem:
    return _problem(
        "gpu_not_answering",
        f"{which} does not answer its driver ({seen.rstrip('.')}).",
        "Read 'dmesg | grep -i -e NVRM -e Xid', then power the host off and on again; a warm reboot often is not"
        " enough. If the fault comes back, check power cables, seating, riser and cooling.",
    )


def gpu_requires_reset(which: str) -> Problem:
    return _problem(
        "gpu_requires_reset",
        f"{which} requires a reset: after an error the driver gives it no more work.",
        "Stop everything that uses the GPU and run 'nvidia-smi --gpu-reset -i INDEX' as root, or reboot. If the state"
        " comes back, the Xid errors in 'dmesg' say why.",
    )


def gpu_power_missing(which: str) -> Problem:
    return _problem(
        "gpu_power_missing",
        f"{which} has no external power: its power cable is missing or loose.",
        "Power the host off and connect every power cable of the GPU to the power supply.",
    )


def gpu_lost(which: str) -> Problem:
    return _problem(
        "gpu_lost",
        f"{which} is lost: it fell off the bus or has become inaccessible.",
        "Power the host off and on again; if it returns, check power cables, seating and cooling, and the Xid errors"
        " in 'dmesg'.",
    )


def no_permission(seen: str) -> Problem:
    return _problem(
        "no_permission",
        f"Access to the GPU was refused: {seen}",
        "Give the user read and write access to /dev/nvidia* (NVreg_DeviceFileMode, group membership) or use"
        " become. In a container the device cgroup must allow the devices: use CDI.",
    )


def nvml_unknown_error(seen: str) -> Problem:
    return _problem(
        "nvml_unknown_error",
        f"NVML failed: {seen}",
        "In a container this follows 'systemctl daemon-reload' under the systemd cgroup driver: recreate the"
        " container, and use CDI so that it does not come back. On the host, read 'dmesg | grep NVRM'.",
    )


def nvml_missing(seen: str) -> Problem:
    return _problem(
        "nvml_missing",
        f"NVML cannot be used: {seen}",
        "Install the NVML library of the driver's own version (libnvidia-ml.so.1).",
    )


def nvidia_smi_failed(seen: str) -> Problem:
    return _problem(
        "nvidia_smi_failed",
        f"nvidia-smi gave no usable answer: {seen}",
        "Run 'nvidia-smi -q -x' by hand on the host; install the nvidia-smi of the driver's own version if it is"
        " missing or of another.",
    )


def tegra_release_too_old(seen: str) -> Problem:
    return _problem(
        "tegra_release_too_old",
        f"The host has a Tegra GPU ({seen}) that no tool can ask: NVML and nvidia-smi came with JetPack 6 (L4T R36).",
        "Upgrade an Orin to JetPack 6 or newer. JetPack 5 is the last for Xavier, JetPack 4 for Nano, TX1 and TX2: for"
        " those set 'allow_cpu: always', or use another host.",
    )


def libcuda_missing(seen: str) -> Problem:
    return _problem(
        "libcuda_missing",
        f"The driver answers and has no libcuda.so.1: {seen}. No CUDA program can start here.",
        "Install the compute part of the driver in its own version (Debian: libcuda1; Ubuntu:"
        " libnvidia-compute-BRANCH), then run ldconfig. A vGPU manager has none: on a virtualization host deploy inside"
        " the virtual machines.",
    )


def compute_mode_prohibited(gpu: str) -> Problem:
    return _problem(
        "compute_mode_prohibited",
        f"{gpu} is in compute mode Prohibited: no program may compute on it.",
        "Run 'nvidia-smi -i INDEX -c DEFAULT' as root, and find out who set the mode.",
    )


def compute_mode_exclusive(gpu: str) -> Problem:
    return _problem(
        "compute_mode_exclusive",
        f"{gpu} is in an exclusive compute mode: one program at a time may compute on it.",
        "One server is planned for it at most. For more, run 'nvidia-smi -i INDEX -c DEFAULT' as root.",
    )


def vgpu_unlicensed(gpu: str, status: str) -> Problem:
    return _problem(
        "vgpu_unlicensed",
        f"{gpu} is a vGPU without a license ({status}): CUDA fails on it, at once or after a while, with 'devices are"
        " busy or unavailable'.",
        "Give the virtual machine its license: a client configuration token in /etc/nvidia/ClientConfigToken, the"
        " feature type in /etc/nvidia/gridd.conf, then 'systemctl restart nvidia-gridd'.",
    )


def vgpu_without_cuda(gpu: str, why: str) -> Problem:
    return _problem(
        "vgpu_without_cuda",
        f"{gpu} is a vGPU whose profile is not made for CUDA: {why}",
        "Give the virtual machine a C-series profile, or a Q-series one (on Maxwell and Pascal that of the whole GPU).",
    )


def mig_enabled(gpu: str, devices: int | None) -> Problem:
    count = "unknown" if devices is None else str(devices)
    return _problem(
        "mig_enabled",
        f"{gpu} has MIG on (MIG devices: {count}): CUDA programs get a MIG device, never the whole GPU.",
        "Deploy to a MIG device by its UUID (create one with 'nvidia-smi mig -cgi' if there is none), or turn MIG"
        " off: 'nvidia-smi -mig 0'.",
    )


def persistence_off(gpus: Sequence[str]) -> Problem:
    return _problem(
        "persistence_off",
        f"Persistence mode is off on {_listed(gpus)}: the driver lets go of an idle GPU, and the next start waits for"
        " it.",
        "Enable the service nvidia-persistenced.",
    )


def compat_library_shadows_driver(path: str, version: str | None, kernel_module: str | None) -> Problem:
    return _problem(
        "compat_library_shadows_driver",
        "The loader finds {} (version {}) before the libcuda of the driver (kernel module {}).".format(
            path, version or "unknown", kernel_module or "unknown"
        ),
        "CUDA compat libraries never work on GeForce (error 804) and must not be older than the driver: remove the"
        " package cuda-compat-*, or its directory from /etc/ld.so.conf.d and LD_LIBRARY_PATH, then run"
        " ldconfig.",
    )


def toolkit_missing() -> Problem:
    return _problem(
        "toolkit_missing",
        "The GPU and its driver work, but nvidia-ctk is not installed: containers cannot get the GPU.",
        f"Install nvidia-container-toolkit {TOOLKIT_SECURITY_FLOOR} or newer from NVIDIA's package repository.",
    )


def toolkit_vulnerable(version: str) -> Problem:
    return _problem(
        "toolkit_vulnerable",
        f"nvidia-container-toolkit {version} is older than {TOOLKIT_SECURITY_FLOOR}, which fixes CVE-2026-24260"
        " (a time-of-check race).",
        f"Upgrade all four packages of the toolkit to {TOOLKIT_SECURITY_FLOOR} or newer.",
    )
