# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and directories of a host, read so that a file of somebody else's can cost neither memory nor time."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import stat
from typing import Any, Iterable

from ansible_collections.whisperops.gpu.plugins.module_utils._host import firewall

_LARGEST_FILE = 8 * 1024 * 1024
_LARGEST_RECORD = 1024 * 1024

# What the roles write, each of these whole; daemon.json and the GPU's descriptions belong to others as well.
OWN_FILES = (
    "/etc/docker/daemon.json",
    "/etc/systemd/system/docker.service.d/whisperops-proxy.conf",
    "/etc/apt/sources.list.d/whisperops-*.sources",
    "/etc/yum.repos.d/docker.repo",
    "/etc/yum.repos.d/nvidia-container-toolkit.repo",
    "/etc/nvidia-container-runtime/config.toml",
    "/var/run/cdi/nvidia.yaml",
    "/etc/systemd/system/nftables.service.d/whisperops.conf",
    "/etc/systemd/system/whisper-activator.service",
    "/etc/systemd/system/whisper-firewall.service",
    "/etc/systemd/system/whisper-proof.service",
    "/etc/systemd/system/whisper-proof.timer",
    firewall.RULES,
    "/etc/whisper/plan.json",
    "/etc/whisper/servers.json",
    "/etc/whisper/proof-settings.json",
    "/usr/local/lib/whisper/activator.pyz",
    "/usr/local/lib/whisper/proof.pyz",
)


def digest(path: str) -> str | None:
    """SHA-256 of a regular file of a sensible size, None of anything else."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            seen = os.fstat(file.fileno())
            if not stat.S_ISREG(seen.st_mode) or seen.st_size > _LARGEST_FILE:
                return None
            return "sha256:" + hashlib.sha256(file.read(_LARGEST_FILE)).hexdigest()
    except OSError:
        return None


def digests(patterns: Iterable[str], root: str = "/") -> dict[str, str]:
    found: dict[str, str] = {}
    for pattern in patterns:
        for path in sorted(glob.glob(os.path.join(root, pattern.lstrip("/")))):
            sum_of_it = digest(path)
            if sum_of_it:
                found["/" + os.path.relpath(path, root)] = sum_of_it
    return found


def models(directory: str) -> dict[str, str]:
    """Each file with its size and the time it was written.

    To read gigabytes would take longer than the rest of a run. A model gets its name only after its checksum was
    right (module file_download).
    """
    found = {}
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False) and entry.name.endswith(".bin"):
                    seen = entry.stat(follow_symlinks=False)
                    found[entry.name] = f"{seen.st_size} bytes of {seen.st_mtime_ns}"
    except OSError:
        return {}
    return found


def document(path: str) -> dict[str, Any] | None:
    """An object that a run of this collection has written; None where there is none, or no such object."""
    try:
        with open(path, encoding="utf-8", opener=_without_waiting) as file:
            found = json.loads(file.read(_LARGEST_RECORD))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def free_mib(path: str) -> int | None:
    """Free space of the file system that a path is on, or that it would be on if it were made."""
    while path and not os.path.isdir(path):
        shorter = os.path.dirname(path)
        path = "" if shorter == path else shorter
    try:
        seen = os.statvfs(path or "/")
    except OSError:
        return None
    return seen.f_bavail * seen.f_frsize // (1024 * 1024)


def _without_waiting(path: str, flags: int) -> int:
    # A pipe with nobody at its other end.
    return os.open(path, flags | os.O_NONBLOCK)
