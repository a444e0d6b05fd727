# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This run of Ansible, as a process of the controller; and whether another run has ended: only its controller knows."""

from __future__ import annotations

import getpass
import multiprocessing
import os
import socket
from pathlib import Path
from typing import Any, Mapping

PROC = Path("/proc")
# Linux knows none larger: https://www.man7.org/linux/man-pages/man5/proc_sys_kernel.5.html, pid_max
LARGEST_PROCESS = 1 << 22


def kernel(proc: Path = PROC) -> str:
    """Two runs with the same one see the same processes."""
    try:
        return f"{(proc / 'sys/kernel/random/boot_id').read_text().strip()} {os.readlink(proc / 'self/ns/pid')}"
    except OSError:
        # Not Linux: the next best.
        return socket.gethostname()


def started(process: int, proc: Path = PROC) -> str | None:
    """Tells a process from a later one of the same number; none where there is no such process."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass  # Somebody else's, so it is there.
    try:
        # The name in the second field may hold anything, spaces and brackets too.
        return (proc / str(process) / "stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def this_run() -> dict[str, Any]:
    # Tasks run in children of the run's own process.
    parent = multiprocessing.parent_process()
    process = (parent.pid if parent else None) or os.getpid()
    return {
        "process": process,
        "started": started(process),
        "kernel": kernel(),
        "control_node": socket.gethostname(),
        "user": getpass.getuser(),
    }


def has_ended(run: Mapping[str, Any]) -> bool:
    """False also where that is unknown: of a run on another control node, or of one that a host has made up."""
    process = run.get("process")
    if run.get("kernel") != kernel() or not isinstance(process, int) or isinstance(process, bool):
        return False
    if not 0 < process <= LARGEST_PROCESS:
        return False
    return started(process) != run.get("started")
