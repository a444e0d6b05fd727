# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a server and its host when a proof has failed or a server has ended. Private to this collection."""

from __future__ import annotations

import re
from typing import NamedTuple, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.ending import Ending
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.fabric import Fabric
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Gpu
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.log import ServerLog, last_words


class Facts(NamedTuple):
    """None: not known."""

    host_problems: Sequence[Problem] = ()
    # Whether the server gave a transcript.
    transcribes: bool = True
    log: ServerLog | None = None
    # What speaks against the GPU in the last lines, requests and earlier starts too.
    last_words: Sequence[str] = ()
    device_open: bool | None = None
    # Seen on the card: the server's memory, its work.
    process_memory: bool | None = None
    utilization: bool | None = None
    device_code: str | None = None
    command: Sequence[str] = ()
    # Whether the container was created with a GPU.
    has_gpu: bool | None = None
    # Whether it has /dev/nvidiactl now.
    nodes_in_container: bool | None = None
    # The files that the server's process has loaded.
    libraries: Sequence[str] = ()
    # How the server ended, where it did.
    ending: Ending | None = None
    # The GPUs of the host, with who holds their memory, and the one that the server was given.
    gpus: Sequence[Gpu] = ()
    gpu: str | None = None
    # The version of the NVIDIA kernel module that runs.
    kernel_module: str | None = None
    fabric: Fabric = Fabric()
    # The number of /dev/nvidia-uvm in the container, and the one that the kernel has given the module.
    uvm_in_container: int | None = None
    uvm_of_kernel: int | None = None


def against(facts: Facts) -> list[str]:
    """What the server's start, and then its last lines, say against the GPU."""
    lines = last_words("\n".join(facts.ending.lines)) if facts.ending else []
    return [*(facts.log.negative if facts.log else []), *facts.last_words, *lines]


def first(pattern: re.Pattern[str], lines: Sequence[str]) -> str | None:
    return next((line for line in lines if pattern.search(line)), None)
