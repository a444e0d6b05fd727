# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVML's error numbers, which are nvidia-smi's exit statuses too (999 comes out as 255), as problems."""

from __future__ import annotations

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import problems
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Problem

NOT_SUPPORTED = 3
NO_PERMISSION = 4
NOT_FOUND = 6
DRIVER_NOT_LOADED = 9
LIBRARY_NOT_FOUND = 12
GPU_IS_LOST = 15
OPERATING_SYSTEM = 17
LIB_RM_VERSION_MISMATCH = 18
UNKNOWN = 999


def problem_for(
    number: int, seen: str, kernel_module_version: str | None = None, library_version: str | None = None
) -> Problem | None:
    """None for a number that stands for no problem of its own here."""
    if number == GPU_IS_LOST:
        return problems.gpu_lost("A GPU")
    if number == LIB_RM_VERSION_MISMATCH:
        return problems.driver_library_mismatch(kernel_module_version, library_version)
    build = {
        NO_PERMISSION: problems.no_permission,
        DRIVER_NOT_LOADED: problems.driver_not_loaded,
        LIBRARY_NOT_FOUND: problems.nvml_missing,
        # The operating system, that is a cgroup, has blocked the device.
        OPERATING_SYSTEM: problems.no_permission,
        UNKNOWN: problems.nvml_unknown_error,
    }.get(number)
    return build(seen) if build else None
