# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person is told about a driver that is missing, or that does not answer for a GPU."""

from __future__ import annotations

from . import tables
from .driver_support import recommended_driver
from .host import Host, HostGpu

_OLD_CARDS = f"Maxwell, Pascal and Volta GPUs need driver branch {tables.LAST_BRANCH_BEFORE_TURING} at the newest."


def seen(host: Host) -> list[str]:
    return [f"Seen: {message}" for _code, message, _remedy in host.driver_problems if message]


def driver_remedies(host: Host, gpus: tuple[HostGpu, ...]) -> list[str]:
    """Where none works. Whoever then installs the newest branch must know that old GPUs are not in it."""
    known = [recommended_driver(gpu.gpu) for gpu in gpus if gpu.compute_capability]
    advice = known[0] if known else "the NVIDIA driver for this GPU"
    remedies = _remedies_seen(host) or [f"Install {advice}, reboot, and see that `nvidia-smi` lists the GPU."]
    names = sorted({gpu.architecture for gpu in gpus if gpu.architecture})
    lasts = [(name, tables.last_branch_of(name)) for name in names]
    remedies += [f"Driver branch {last} is the last for {name.capitalize()} GPUs." for name, last in lasts if last]
    tegra = host.has_problem("tegra_release_too_old")
    return remedies if known or names or tegra else [*remedies, _OLD_CARDS]


def why_not_offered(host: Host) -> list[str]:
    """The driver is there and answers, so that installing one is no advice."""
    remedies = _remedies_seen(host) or [
        "`dmesg | grep -i nvrm` says why the driver does not take the GPU. The compute capability is told by the "
        "driver's own library (`ldconfig -p | grep libnvidia-ml.so.1`), by nvidia-smi only from driver 510 on."
    ]
    may_have_dropped_it = host.driver.branch is None or host.driver.branch > tables.LAST_BRANCH_BEFORE_TURING
    return [*remedies, _OLD_CARDS] if may_have_dropped_it else remedies


def _remedies_seen(host: Host) -> list[str]:
    return [remedy for _code, _message, remedy in host.driver_problems if remedy]
