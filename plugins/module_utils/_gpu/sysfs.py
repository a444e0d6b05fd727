# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel tells without any NVIDIA tool: PCI devices, the driver bound to each, the loaded module."""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass, field

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import driver_version_in
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Gpu, is_uuid
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.pci import canonical_bus_id, kernel_bus_id

_NVIDIA = "0x10de"
_DISPLAY_CLASS = "0x03"
# Debian keeps nvidia-current.ko and nvidia-tesla-470.ko; nvidia-drm, nvidia-uvm, nvidiafb are no drivers of the GPU.
_MODULE_FILE = re.compile(r"/nvidia(?:-(?:current|open|tesla|legacy)[\w.-]*?)?\.ko(?:\.\w+)?:", re.ASCII)
_HELPER_MODULE = re.compile(r"-(?:drm|uvm|modeset|peermem)\.ko", re.ASCII)
_CONTROL_NODE = "/dev/nvidiactl"
_GPU_NODE = re.compile(r"/nvidia\d+", re.ASCII)
_WSL_LIBRARIES = "usr/lib/wsl/lib"
# "# R35 (release), REVISION: 3.1, GCID: …"
_L4T_RELEASE = re.compile(r"R(\d+)\s*\(release\)\s*,\s*REVISION:\s*([\d.]+)", re.ASCII)
_LIBRARY_DIRECTORIES = (
    "usr/lib/*-linux-gnu",
    "usr/lib/*-linux-gnu/nvidia/current",
    "usr/lib64",
    "usr/lib",
    "usr/lib/nvidia",
    "run/opengl-driver/lib",
)


@dataclass
class PciDevice:
    bus_id: str
    driver: str | None


@dataclass
class HostFacts:
    devices: list[PciDevice] = field(default_factory=list)
    # proprietary, open, nouveau or none; None where an NVIDIA module is loaded that does not say which it is.
    flavor: str | None = "none"
    kernel_module_loaded: bool = False
    # None where the list of modules cannot be read.
    kernel_module_installed: bool | None = None
    kernel_module_version: str | None = None
    library_version: str | None = None
    missing_nodes: list[str] = field(default_factory=list)
    # The host runs under Windows (WSL): its GPU is not on the PCI bus, and its driver is Windows' own.
    wsl: bool = False
    # Windows has put NVIDIA's libraries into it.
    wsl_nvidia: bool = False
    # What Linux for Tegra says of itself, on hosts whose GPU is part of the processor.
    tegra: str | None = None
    gpus: list[Gpu] = field(default_factory=list)

    def bound_to(self, driver: str | None) -> list[str]:
        return [device.bus_id for device in self.devices if device.driver == driver]


class Sysfs:
    def __init__(self, root: str = "/", kernel_release: str | None = None) -> None:
        self._root = root
        self._kernel_release = kernel_release or os.uname().release

    def observe(self) -> HostFacts:
        devices = self._devices()
        version_text = self._read("proc/driver/nvidia/version") or ""
        module_version = (self._read("sys/module/nvidia/version") or "").strip()
        loaded = bool(version_text or module_version or self._exists("sys/module/nvidia"))
        return HostFacts(
            devices=devices,
            flavor=_flavor(devices, loaded, version_text),
            kernel_module_loaded=loaded,
            kernel_module_installed=self._module_installed(),
            kernel_module_version=driver_version_in(module_version) or driver_version_in(version_text),
            library_version=self._library_version(),
            missing_nodes=self._missing_nodes() if loaded else [],
            wsl=self._wsl(),
            wsl_nvidia=bool(glob.glob(self._path(_WSL_LIBRARIES, "libcuda.so*")))
            or any(self._exists(f"{_WSL_LIBRARIES}/{name}") for name in ("libnvidia-ml.so.1", "nvidia-smi")),
            tegra=self._tegra(),
            gpus=[self._gpu(device) for device in devices],
        )

    def _devices(self) -> list[PciDevice]:
        found = []
        for path in sorted(glob.glob(self._path("sys/bus/pci/devices/*"))):
            bus_id = canonical_bus_id(os.path.basename(path))
            display = self._read(path, "class").startswith(_DISPLAY_CLASS)
            if bus_id and display and self._read(path, "vendor").strip() == _NVIDIA:
                driver = os.path.join(path, "driver")
                name = os.path.basename(os.readlink(driver)) if os.path.islink(driver) else None
                found.append(PciDevice(bus_id, name))
        return found

    def _gpu(self, device: PciDevice) -> Gpu:
        information = self._information(device)
        uuid = information.get("GPU UUID", "")
        return Gpu(
            # "GPU-????????-…" stands there until the GPU has been used once.
            uuid=uuid if is_uuid(uuid) else None,
            name=information.get("Model") if information.get("Model") not in ("", "Unknown") else None,
            pci_bus_id=device.bus_id,
        )

    def _information(self, device: PciDevice) -> dict[str, str]:
        text = self._read("proc/driver/nvidia/gpus", kernel_bus_id(device.bus_id), "information")
        pairs = [line.split(":", 1) for line in text.splitlines() if ":" in line]
        return {name.strip(): value.strip() for name, value in pairs}

    def _module_installed(self) -> bool | None:
        text = self._read("lib/modules", self._kernel_release, "modules.dep")
        if not text:
            return None
        return any(
            _MODULE_FILE.search("/" + line) and not _HELPER_MODULE.search(line.split(":")[0])
            for line in text.splitlines()
        )

    def _missing_nodes(self) -> list[str]:
        nodes = glob.glob(self._path("dev/nvidia[0-9]*"))
        missing = [] if self._exists("dev/nvidiactl") else [_CONTROL_NODE]
        return missing + ([] if any(map(_GPU_NODE.search, nodes)) else ["/dev/nvidia0"])

    def _wsl(self) -> bool:
        return self._exists("dev/dxg") or self._exists(_WSL_LIBRARIES) or "microsoft" in self._kernel_release.lower()

    def _tegra(self) -> str | None:
        release = _L4T_RELEASE.search(self._read("etc/nv_tegra_release"))
        if release:
            return "L4T R{}.{}".format(*release.groups())
        compatible = self._read("proc/device-tree/compatible")
        if "nvidia,tegra" in compatible:
            return next(part for part in compatible.split("\0") if "nvidia,tegra" in part)
        return "kernel module nvgpu" if self._exists("sys/module/nvgpu") else None

    def _library_version(self) -> str | None:
        """None also where several versions lie about: then only the loader knows."""
        names = {
            os.path.basename(path)
            for directory in _LIBRARY_DIRECTORIES
            for path in glob.glob(self._path(directory, "libnvidia-ml.so.*.*"))
        }
        versions = {driver_version_in(name.split(".so.", 1)[1]) for name in names}
        return versions.pop() if len(versions) == 1 else None

    def _path(self, *parts: str) -> str:
        return os.path.join(self._root, *parts)

    def _exists(self, path: str) -> bool:
        return os.path.exists(self._path(path))

    def _read(self, *parts: str) -> str:
        try:
            with open(self._path(*parts), encoding="utf-8", errors="replace") as handle:
                return handle.read()
        except OSError:
            return ""


def _flavor(devices: list[PciDevice], loaded: bool, version_text: str) -> str | None:
    if loaded:
        # NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06 …
        # NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.163.01 …
        if "Open Kernel Module" in version_text:
            return "open"
        return "proprietary" if "Kernel Module" in version_text else None
    if any(device.driver == "nouveau" for device in devices):
        return "nouveau"
    return "none"
