# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many processor cores a host can compute with."""

from __future__ import annotations

import os
from typing import AbstractSet, Callable

# Which processors share a core with this one (Linux, Documentation/admin-guide/cputopology.rst). The second name is the
# one before Linux 5.8.
_TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology/{}"
_SHARED = ("core_cpus_list", "thread_siblings_list")
# "QUOTA PERIOD" in microseconds, of a host that is a container itself (Documentation/admin-guide/cgroup-v2.rst).
_QUOTA = "/sys/fs/cgroup/cpu.max"


def cores(read: Callable[[str], str], processors: AbstractSet[int] | None = None) -> int:
    """Two threads of one core count once: they share the units that multiply matrices.

    :param read: the text of a file, empty where there is none.
    :param processors: numbers of the processors that may be used. Those of this process where it is not given.
    """
    usable = os.sched_getaffinity(0) if processors is None else processors
    found = len({_core_of(processor, read) for processor in usable})
    quota, _space, period = read(_QUOTA).strip().partition(" ")
    if quota.isdigit() and period.isdigit() and int(period):
        found = min(found, int(quota) // int(period))
    return max(1, found)


def _core_of(processor: int, read: Callable[[str], str]) -> str:
    shared = (read(_TOPOLOGY.format(processor, name)).strip() for name in _SHARED)
    return next((text for text in shared if text), str(processor))
