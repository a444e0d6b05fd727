# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node that the prover runs on, as far as it sees of it. Private to this collection."""

from __future__ import annotations

import os

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.card import open_card
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.detect import Detector
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Gpu
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.open_devices import OpenDevices
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.processes import container_ids


class Node:
    """All processes and GPUs of it for the DaemonSet; those of one pod for a container in it."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._devices = OpenDevices()

    def gpus(self) -> list[Gpu]:
        return Detector().report().gpus

    def process_of(self, container: str) -> int | None:
        """The first process of a container. None: it cannot be seen from here."""
        for pid in sorted(int(name) for name in os.listdir(self._proc) if name.isdigit()):
            try:
                with open(os.path.join(self._proc, str(pid), "cgroup"), encoding="utf-8", errors="replace") as file:
                    if container and container in container_ids(file.read()):
                        return pid
            except OSError:
                continue
        return None

    def gives(self, pid: int, uuid: str) -> bool:
        """Whether the device node of a GPU is in the file system of a process."""
        minor = self._devices.minor_of(uuid)
        if minor is None:
            card = open_card(uuid)
            minor = card.minor_number
            card.close()
        return minor is not None and self._devices.sees_node(pid, f"dev/nvidia{minor}") is True
