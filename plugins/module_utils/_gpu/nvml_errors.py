# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVML's error numbers, which are nvidia-smi's exit statuses too (999 comes out as 255), as problems."""

from __future__ import annotations

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import problems
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem

INVALID_ARGUMENT = 2
NOT_SUPPORTED = 3
NO_PERMISSION = 4
NOT_FOUND = 6
INSUFFICIENT_POWER = 8
DRIVER_NOT_LOADED = 9
TIMEOUT = 10
IRQ_ISSUE = 11
LIBRARY_NOT_FOUND = 12
FUNCTION_NOT_FOUND = 13
CORRUPTED_INFOROM = 14
GPU_IS_LOST = 15
RESET_REQUIRED = 16
OPERATING_SYSTEM = 17
LIB_RM_VERSION_MISMATCH = 18
UNKNOWN = 999

NAMES = {
    INVALID_ARGUMENT: "invalid argument",
    NO_PERMISSION: "no permission",
    INSUFFICIENT_POWER: "insufficient external power",
    DRIVER_NOT_LOADED: "driver not loaded",
    TIMEOUT: "timeout",
    IRQ_ISSUE: "interrupt request issue",
    LIBRARY_NOT_FOUND: "libnvidia-ml.so.1 not found",
    FUNCTION_NOT_FOUND: "function not found",
    CORRUPTED_INFOROM: "corrupted infoROM",
    GPU_IS_LOST: "GPU is lost",
    RESET_REQUIRED: "GPU requires reset",
    OPERATING_SYSTEM: "blocked by the operating system or a cgroup",
    LIB_RM_VERSION_MISMATCH: "driver/library version mismatch",
    UNKNOWN: "unknown error",
}


def problem_for(
    number: int, seen: str, kernel_module_version: str | None = None, library_version: str | None = None
) -> Problem | None:
    """Of the driver as a whole. None for a number that stands for no problem of its own here."""
    if number == LIB_RM_VERSION_MISMATCH:
        return problems.driver_library_mismatch(kernel_module_version, library_version)
    if number in (INSUFFICIENT_POWER, TIMEOUT, IRQ_ISSUE, CORRUPTED_INFOROM, GPU_IS_LOST, RESET_REQUIRED):
        return gpu_problem("A GPU", number, seen)
    build = {
        NO_PERMISSION: problems.no_permission,
        DRIVER_NOT_LOADED: problems.driver_not_loaded,
        LIBRARY_NOT_FOUND: problems.nvml_missing,
        # The operating system, that is a cgroup, has blocked the device.
        OPERATING_SYSTEM: problems.no_permission,
        UNKNOWN: problems.nvml_unknown_error,
    }.get(number)
    return build(seen) if build else None


def gpu_problem(which: str, number: int | None, seen: str) -> Problem:
    """Of one GPU, while the driver answers."""
    build = {
        INSUFFICIENT_POWER: problems.gpu_power_missing,
        GPU_IS_LOST: problems.gpu_lost,
        RESET_REQUIRED: problems.gpu_requires_reset,
    }.get(-1 if number is None else number)
    if build:
        return build(which)
    if number in (NO_PERMISSION, OPERATING_SYSTEM):
        return problems.no_permission(f"{which}: {seen}")
    return problems.gpu_not_answering(which, seen)
