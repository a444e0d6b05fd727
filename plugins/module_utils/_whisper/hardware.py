# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine that something was measured on. Private to this collection."""

from __future__ import annotations

import os
import platform
import re
from typing import Any, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Report


def describe(report: Report, cpuinfo: str, meminfo: str) -> dict[str, Any]:
    """``report`` is what nvidia_gpu_info would tell; the two texts are /proc/cpuinfo and /proc/meminfo."""
    model = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+) kB", meminfo, re.MULTILINE)
    return {
        "cpu": model.group(1).strip() if model else platform.machine(),
        "cores": _cores(),
        "memory_mib": int(memory.group(1)) // 1024 if memory else None,
        "kernel": platform.release(),
        "driver": report.driver.version if report.driver else None,
        "cuda_driver_version": report.cuda_driver_version,
        "gpus": _gpus(report),
    }


def _cores() -> int:
    """What this process may use, not what the machine has."""
    return len(os.sched_getaffinity(0))


def _gpus(report: Report) -> Sequence[dict[str, Any]]:
    return [
        {
            "uuid": gpu.uuid,
            "name": gpu.name,
            "compute_capability": gpu.compute_capability,
            "memory_total_mib": gpu.memory_total_mib,
        }
        for gpu in report.gpus
    ]
