# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes hold an NVIDIA device open, by the kernel's own account.

This is what no library can pretend. A file of major 195 that was opened (and not only named, as with O_PATH) exists
where a kernel module has taken that major and let the process in: with a stand-in for the driver's libraries and made
device nodes, opening ends with ENXIO.
"""

from __future__ import annotations

import glob
import os
import stat

# Registered with the kernel for NVIDIA: minors 0 to 253 are GPUs, 254 modeset, 255 the control device.
NVIDIA_MAJOR = 195
_FIRST_OTHER_MINOR = 254
_O_PATH = 0o10000000
# The inode of the kernel's first PID namespace is fixed.
_FIRST_PID_NAMESPACE = "pid:[4026531836]"


class OpenDevices:
    def __init__(self, root: str = "/", major: int = NVIDIA_MAJOR) -> None:
        self._root = root
        self._proc = os.path.join(root, "proc")
        self._major = major

    def held_by(self, pid: int, minor: int | None = None) -> bool | None:
        """Whether a process holds the GPU of that minor number, or any, open. None: not allowed to look."""
        directory = os.path.join(self._proc, str(pid), "fd")
        try:
            names = os.listdir(directory)
        except PermissionError:
            return None
        except OSError:
            return False
        return any(
            self._is_gpu(os.path.join(directory, name), minor) and not self._only_named(pid, name) for name in names
        )

    def process_tree(self, pid: int) -> frozenset[int]:
        """A process and all that descend from it."""
        children: dict[int, list[int]] = {}
        for name in os.listdir(self._proc):
            if name.isdigit():
                children.setdefault(self._parent(name), []).append(int(name))
        found, waiting = {pid}, [pid]
        while waiting:
            for child in children.get(waiting.pop(), []):
                if child not in found:
                    found.add(child)
                    waiting.append(child)
        return frozenset(found)

    def minor_of(self, uuid: str) -> int | None:
        """The kernel module's own number for a GPU."""
        for path in glob.glob(os.path.join(self._proc, "driver/nvidia/gpus/*/information")):
            pairs = dict(line.split(":", 1) for line in self._read(path).splitlines() if ":" in line)
            if pairs.get("GPU UUID", "").strip() == uuid and pairs.get("Device Minor", "").strip().isdigit():
                return int(pairs["Device Minor"])
        return None

    def all_pids_visible(self) -> bool:
        """False in a PID namespace of its own, where the driver's numbers mean nothing."""
        try:
            return os.readlink(os.path.join(self._proc, "self/ns/pid")) == _FIRST_PID_NAMESPACE
        except OSError:
            return False

    def driver_without_nodes(self) -> bool:
        """WSL and Jetson reach the GPU by other devices: there nothing can be said."""
        return any(
            os.path.exists(os.path.join(self._root, node)) for node in ("dev/dxg", "dev/nvgpu", "dev/nvhost-gpu")
        )

    def sees_node(self, pid: int, node: str) -> bool | None:
        """Whether a device node is in the file system of a process. None: not allowed to look."""
        try:
            os.stat(os.path.join(self._proc, str(pid), "root", node))
        except PermissionError:
            return None
        except OSError:
            return False
        return True

    def uvm_numbers(self, pid: int) -> tuple[int | None, int | None]:
        """The major number of /dev/nvidia-uvm as a process sees it, and the one that the kernel gave the module."""
        try:
            inside: int | None = os.major(os.stat(os.path.join(self._proc, str(pid), "root/dev/nvidia-uvm")).st_rdev)
        except OSError:
            inside = None
        fields = [line.split() for line in self._read(os.path.join(self._proc, "devices")).splitlines()]
        given = [int(field[0]) for field in fields if field[1:] == ["nvidia-uvm"] and field[0].isdigit()]
        return inside, given[0] if given else None

    def libraries(self, pid: int) -> list[str]:
        """The files mapped into a process."""
        lines = self._read(os.path.join(self._proc, str(pid), "maps")).splitlines()
        fields = [line.split(None, 5) for line in lines]
        return sorted({field[5] for field in fields if len(field) > 5 and field[5].startswith("/")})  # noqa: PLR2004 - columns

    def _is_gpu(self, path: str, minor: int | None) -> bool:
        try:
            status = os.stat(path)
        except OSError:
            return False
        if not stat.S_ISCHR(status.st_mode) or os.major(status.st_rdev) != self._major:
            return False
        held = os.minor(status.st_rdev)
        return held < _FIRST_OTHER_MINOR if minor is None else held == minor

    def _only_named(self, pid: int, name: str) -> bool:
        for line in self._read(os.path.join(self._proc, str(pid), "fdinfo", name)).splitlines():
            if line.startswith("flags:"):
                return bool(int(line.split()[1], 8) & _O_PATH)
        # Without its flags a file is not counted.
        return True

    def _parent(self, pid: str) -> int:
        # PID (name) state PPID: the name may hold spaces and brackets.
        fields = self._read(os.path.join(self._proc, pid, "stat")).rpartition(")")[2].split()
        return int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else 0

    @staticmethod
    def _read(path: str) -> str:
        try:
            with open(path, encoding="utf-8", errors="replace") as handle:
                return handle.read()
        except OSError:
            return ""
