# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: control_run
short_description: Get the identity of the current run and check whether another run has ended
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Without a term, names this run, so that a host can be marked as its own.
  - With what an earlier run was named, says whether that run has ended. Only on its own control node can that be known.
options:
  _terms:
    description: What this lookup returned in another run.
    type: list
    elements: dict
"""

EXAMPLES = r"""
- name: Show the identity of the current run
  ansible.builtin.debug:
    msg: "{{ lookup('whisperops.gpu.control_run') }}"

- name: Show whether the run that holds the host lock has ended
  ansible.builtin.debug:
    msg: "{{ lookup('whisperops.gpu.control_run', mark).ended }}"
"""

RETURN = r"""
_list:
  description:
    - C(process) and C(started) (in clock ticks since the control node's start), C(kernel) (the control node's start and
      its process namespace), C(control_node) and C(user) of the run.
    - C(ended), true or false, or none where another control node would have to be asked.
  type: list
  elements: dict
  sample:
    - process: 4711
      started: "8912345"
      kernel: 6f1d7a5e-2c7b-4a52-9c5e-0d3f3a0f2a11 pid:[4026531836]
      control_node: deploy.example.net
      user: ops
      ended: false
"""

import getpass
import multiprocessing
import os
import socket
from pathlib import Path
from typing import Any

from ansible.plugins.lookup import LookupBase

PROC = Path("/proc")


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
    # Tasks are templated in children of the run's own process.
    parent = multiprocessing.parent_process()
    process = (parent.pid if parent else None) or os.getpid()
    return {
        "process": process,
        "started": started(process),
        "kernel": kernel(),
        "control_node": socket.gethostname(),
        "user": getpass.getuser(),
        "ended": False,
    }


def as_it_is_now(run: dict[str, Any]) -> dict[str, Any]:
    ended = started(run["process"]) != run["started"] if run["kernel"] == kernel() else None
    return {**run, "ended": ended}


class LookupModule(LookupBase):  # type: ignore[misc]  # ansible-core ships no types
    def run(self, terms: list[dict[str, Any]], variables: Any = None, **kwargs: Any) -> list[dict[str, Any]]:
        return [as_it_is_now(dict(run)) for run in terms] if terms else [this_run()]
