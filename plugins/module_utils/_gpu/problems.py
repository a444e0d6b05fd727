# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every problem this collection can see on a GPU host: what was seen, and what to do about it.

One builder for one code, named after it; docs/troubleshooting.md has a section for each.
"""

from __future__ import annotations

from typing import Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Problem

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
    "gpu_lost",
    "no_permission",
    "nvml_unknown_error",
    "nvml_missing",
    "nvidia_smi_failed",
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


def _problem(code: str, message: str, remedy: str) -> Problem:
    return Problem(code=code, message=message, remedy=f"{remedy} See docs/troubleshooting.md#{code}")


def _listed(items: Sequence[str]) -> str:
    return ", ".join(items)


def no_gpu() -> Problem:
    return _problem(
        "no_gpu",
        "The PCI bus has no NVIDIA display device (vendor 0x10de, class 0x03xxxx).",
        "If the host should have one: check that the card is seated and powered, enabled in the firmware, and in a"
        " virtual machine passed through. Otherwise plan this host for the CPU.",
    )


def driver_missing(bus_ids: Sequence[str]) -> Problem:
    return _problem(
        "driver_missing",
        f"NVIDIA hardware at {_listed(bus_ids)}, but no NVIDIA kernel module is installed for the running kernel.",
        "Install the NVIDIA driver of the distribution together with the headers of the running kernel, then reboot.",
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
    return _problem(
        "driver_library_mismatch",
        "The NVIDIA libraries (version {}) do not fit the loaded kernel module (version {}).".format(
            library or "unknown", kernel_module or "unknown"
        ),
        "The driver packages were upgraded while the old module stayed loaded: reboot, or stop everything that uses"
        " the GPU and reload the nvidia modules. Hold driver packages back from unattended upgrades.",
    )


def driver_too_old(version: str) -> Problem:
    return _problem(
        "driver_too_old",
        f"Driver {version} is older than {OLDEST_USABLE_DRIVER}, which CUDA 11 needs at least.",
        "Install the newest driver branch that still supports this GPU.",
    )


def gpu_not_initialized(bus_ids: Sequence[str]) -> Problem:
    return _problem(
        "gpu_not_initialized",
        f"The PCI bus has NVIDIA hardware at {_listed(bus_ids)} that the loaded driver does not offer.",
        "Read 'dmesg | grep -i -e NVRM -e Xid': the driver branch may not know this GPU (too old, or the card was"
        " dropped), the GPU may need the open or the proprietary kernel module, lack power, or have fallen off the"
        " bus.",
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
        "Install the NVML library of the driver's own version (libnvidia-ml.so.1), and for the Python that Ansible"
        " uses on this host either the package nvidia-ml-py or the tool nvidia-smi.",
    )


def nvidia_smi_failed(seen: str) -> Problem:
    return _problem(
        "nvidia_smi_failed",
        f"nvidia-smi gave no usable answer: {seen}",
        "Run 'nvidia-smi -q -x' by hand on the host; install the nvidia-smi of the driver's own version if it is"
        " missing.",
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
