# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many compilers a host can run at once: one for each processor, if the memory suffices for them."""

from __future__ import annotations

import os
import re
from pathlib import Path

_AVAILABLE = re.compile(r"^MemAvailable:\s+(\d+) kB$", re.MULTILINE)
_KIB_PER_MIB = 1024


def available_mib(meminfo: str) -> int | None:
    """From /proc/meminfo; None where it does not say."""
    found = _AVAILABLE.search(meminfo)
    return int(found.group(1)) // _KIB_PER_MIB if found else None


def jobs(processors: int, memory_mib: int | None, memory_per_job_mib: int) -> int:
    if memory_mib is None or memory_per_job_mib <= 0:
        return processors
    return max(1, min(processors, memory_mib // memory_per_job_mib))


def of_this_host(memory_per_job_mib: int) -> int:
    memory = Path("/proc/meminfo").read_text(encoding="utf-8")
    return jobs(len(os.sched_getaffinity(0)), available_mib(memory), memory_per_job_mib)
