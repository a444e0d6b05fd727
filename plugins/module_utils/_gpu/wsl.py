# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WSL: the driver is Windows' own, so that what helps is done there, and Windows numbers its drivers otherwise."""

from __future__ import annotations

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda import tables
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import Version
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import branch_of
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem

REMEDY = (
    "Under WSL, install or update NVIDIA's driver on Windows (never one inside WSL), run 'wsl --update'"
    " and 'wsl --shutdown' in Windows, start it again and see that 'nvidia-smi' works on Windows and here. A"
    " data-center GPU must be in WDDM mode on Windows, not TCC. To serve from the CPU, set 'allow_cpu: always'."
)
# What else is said of a driver that does not answer is of Linux.
_OF_THE_DRIVER = (
    "no_gpu",
    "no_permission",
    "driver_missing",
    "driver_not_loaded",
    "driver_library_mismatch",
    "device_nodes_missing",
    "gpu_not_answering",
    "gpu_not_initialized",
    "gpu_not_visible",
    "gpu_lost",
    "libcuda_missing",
    "nvidia_smi_failed",
    "nvml_missing",
    "nvml_unknown_error",
)


def with_remedy(problem: Problem) -> Problem:
    if problem.code not in _OF_THE_DRIVER:
        return problem
    # Where nothing of NVIDIA's was seen, Windows may have a GPU of another maker.
    condition = "If Windows has an NVIDIA GPU: " if problem.code == "no_gpu" else ""
    return Problem.documented(problem.code, problem.message, f"{condition}{REMEDY}")


def branch(version: str | None, cuda: str | None) -> str | None:
    """Windows numbers branch 580 as 580 to 582: the CUDA version that it reports tells the branch."""
    try:
        reported = Version.parse(cuda).minor if cuda else None
    except ValueError:
        reported = None
    branches = [number for number, toolkit in tables.BRANCH_CUDA.items() if toolkit == reported]
    return str(branches[0]) if branches else branch_of(version)
