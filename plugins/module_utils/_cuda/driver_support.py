# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a driver supports: the chip itself, and the CUDA toolkits that code was built with."""

from __future__ import annotations

from typing import Iterable

from . import tables
from .verdict import BRANCH_DROPPED_GPU, DRIVER_MISSING, DRIVER_TOO_OLD, IMPOSSIBLE, Driver, Gpu, Verdict
from .versions import dotted, parse_version

DEAD_END_REMEDY = "Use a newer GPU, or set `allow_cpu: always` to serve from the CPU."


def driver_knows_gpu(gpu: Gpu, driver: Driver) -> Verdict | None:
    """None where it does; else the verdict that ends every other question."""
    if driver.version is None and driver.cuda is None:
        return Verdict(
            IMPOSSIBLE,
            DRIVER_MISSING,
            f"{gpu} has no working NVIDIA driver.",
            f"Install {recommended_driver(gpu)} and reboot.",
            cuda_error=35,
        )
    architecture = gpu.architecture
    # Tegra's drivers are numbered by the Jetson releases, which the branch tables do not hold.
    if architecture is None or architecture.tegra or driver.branch is None or driver.version is None:
        return None
    if architecture.last_branch is not None and driver.branch > architecture.last_branch:
        return Verdict(
            IMPOSSIBLE,
            BRANCH_DROPPED_GPU,
            f"Driver {driver.text} no longer supports {gpu}: "
            f"branch {architecture.last_branch} is the last for {architecture.name}.",
            _remedy_for_dropped(gpu, architecture),
            cuda_error=100,
        )
    first = tables.first_driver(gpu.compute_capability)
    if first is not None and driver.branch < parse_version(first)[0]:
        return Verdict(
            IMPOSSIBLE,
            DRIVER_TOO_OLD,
            f"Driver {driver.text} is too old for {gpu}: driver {first} came with the first CUDA toolkit for this GPU.",
            f"Update the driver to ≥ {first}{ceiling(gpu)}{_flavour_hint(gpu)}.",
            cuda_error=100,
        )
    return None


def _remedy_for_dropped(gpu: Gpu, architecture: tables.Architecture) -> str:
    if gpu.compute_capability < tables.WHISPER_FIRST_COMPUTE_CAPABILITY:
        return (
            f"Going back to branch {architecture.last_branch} would not help: whisper.cpp's CUDA code is made for "
            f"compute capability {dotted(tables.WHISPER_FIRST_COMPUTE_CAPABILITY)} and newer. {DEAD_END_REMEDY}"
        )
    return f"Install driver branch {architecture.last_branch}{_flavour_hint(gpu)}."


def ceiling(gpu: Gpu) -> str:
    """How far an update may go."""
    last = gpu.architecture.last_branch if gpu.architecture else None
    return f", not beyond branch {last}" if last is not None else ""


def _flavour_hint(gpu: Gpu) -> str:
    flavours = tables.kernel_module_flavours(gpu.compute_capability)
    return f", with its {flavours[0]} kernel modules" if len(flavours) == 1 else ""


def one_driver_serves(gpus: Iterable[Gpu]) -> bool:
    """Whether some driver branch, with one flavour of its kernel modules, supports all of these chips."""
    known = [gpu for gpu in gpus if gpu.architecture is not None]
    flavours = [set(tables.kernel_module_flavours(gpu.compute_capability)) for gpu in known]
    firsts = [tables.first_driver(gpu.compute_capability) for gpu in known]
    lasts = [gpu.architecture.last_branch for gpu in known if gpu.architecture and gpu.architecture.last_branch]
    newest_first = max((parse_version(first)[0] for first in firsts if first), default=0)
    return bool(set.intersection(*flavours) if flavours else True) and newest_first <= min(lasts, default=newest_first)


def recommended_driver(gpu: Gpu) -> str:
    """For a person who has to install one."""
    architecture = gpu.architecture
    if architecture is not None and architecture.last_branch is not None:
        return f"driver branch {architecture.last_branch} (the last for {architecture.name}{_flavour_hint(gpu)})"
    first = tables.first_driver(gpu.compute_capability)
    floor = tables.MAJOR_FLOORS[max(tables.MAJOR_FLOORS)]
    oldest = first if first and parse_version(first) > parse_version(floor) else floor
    return f"a driver ≥ {oldest}{_flavour_hint(gpu)}"


def meets_toolkit_floor(driver: Driver, toolkit_major: int, tegra: bool = False) -> bool:
    """Minor-version compatibility: one floor for all toolkits of a major version."""
    floor = tables.MAJOR_FLOORS.get(toolkit_major)
    if floor is not None and driver.version is not None and not tegra:
        return driver.version >= parse_version(floor)
    if toolkit_major < min(tables.MAJOR_FLOORS) and driver.version is not None and not tegra:
        return driver.version >= parse_version(tables.MAJOR_FLOORS[min(tables.MAJOR_FLOORS)])
    return driver.cuda is not None and toolkit_major <= driver.cuda[0]
