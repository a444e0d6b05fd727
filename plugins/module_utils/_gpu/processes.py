# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which container a process of the host belongs to, read from its control groups."""

from __future__ import annotations

import os
import re

# /docker/ID                            cgroupfs driver
# /system.slice/docker-ID.scope         systemd driver
# /machine.slice/libpod-ID.scope        podman
# /kubepods/burstable/podUID/ID         Kubernetes
# libpod-conmon-ID and crio-conmon-ID hold the monitor beside the container: not the container.
_CONTAINER_SEGMENT = re.compile(
    r"(?:(?:docker|libpod|cri-containerd|crio|nerdctl|containerd)[-:])?([0-9a-f]{64})(?:\.scope)?", re.ASCII
)


def container_ids(cgroup: str) -> list[str]:
    """The containers around a process, outermost first, from the text of ``/proc/PID/cgroup``."""
    ids: list[str] = []
    for line in cgroup.splitlines():
        # hierarchy-ID:controllers:path; the path itself may hold colons (cri-containerd:ID).
        fields = line.split(":", 2)
        if len(fields) != len(("hierarchy", "controllers", "path")):
            continue
        for segment in fields[2].split("/"):
            found = _CONTAINER_SEGMENT.fullmatch(segment.split(":")[-1])
            if found and found.group(1) not in ids:
                ids.append(found.group(1))
    return ids


class Processes:
    """The host's processes as ``/proc`` under ``root`` shows them."""

    def __init__(self, root: str = "/") -> None:
        self._proc = os.path.join(root, "proc")
        self._around_the_host: frozenset[str] | None = None

    def container_id(self, pid: int) -> str | None:
        """The container as this host's engine knows it, None for a process outside of any."""
        if self._around_the_host is None:
            # A host may itself be a container: what its first process is in is no container of its own.
            self._around_the_host = frozenset(container_ids(self._read("1", "cgroup") or ""))
        # The outermost: of a container in a container (kind, docker-in-docker) the host's engine knows only that one.
        for container_id in container_ids(self._read(str(pid), "cgroup") or ""):
            if container_id not in self._around_the_host:
                return container_id
        return None

    def name(self, pid: int) -> str | None:
        name = (self._read(str(pid), "comm") or "").strip()
        return name or None

    def _read(self, *parts: str) -> str | None:
        try:
            with open(os.path.join(self._proc, *parts), encoding="utf-8", errors="replace") as handle:
                return handle.read()
        except OSError:
            return None
