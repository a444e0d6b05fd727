# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPUs that share the host's memory: Jetson and GB10. NVML answers "Not Supported"; the kernel knows what there is."""

from __future__ import annotations

import os
import re
from dataclasses import replace

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Gpu

# Jetson: TX1, TX2, Xavier, Orin, Thor (which CUDA 12.8 called 10.1). 12.1 is GB10.
UNIFIED = ("5.3", "6.2", "7.2", "8.7", "10.1", "11.0", "12.1")
_LINE = re.compile(r"^(MemTotal|MemAvailable):\s+([0-9]+) kB$", re.MULTILINE)
_KIB_IN_A_MIB = 1024


def with_unified_memory(gpus: list[Gpu], root: str) -> list[Gpu]:
    """Memory from ``/proc/meminfo`` where the GPU shares the host's and no tool tells of it; all others as they are."""
    return [_filled(gpu, root) if _shares(gpu) else gpu for gpu in gpus]


def _shares(gpu: Gpu) -> bool:
    return gpu.compute_capability in UNIFIED and gpu.memory_total_mib is None


def _filled(gpu: Gpu, root: str) -> Gpu:
    try:
        with open(os.path.join(root, "proc/meminfo"), encoding="utf-8", errors="replace") as file:
            found = {name: int(kib) // _KIB_IN_A_MIB for name, kib in _LINE.findall(file.read())}
    except OSError:
        return gpu
    total, available = found.get("MemTotal"), found.get("MemAvailable")
    used = total - available if total is not None and available is not None else None
    return replace(gpu, memory_total_mib=total, memory_used_mib=used, memory_free_mib=available)
