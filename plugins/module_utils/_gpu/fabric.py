# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVSwitch and the service without which CUDA does not start on its GPUs: nvidia-fabricmanager."""

from __future__ import annotations

import glob
import os
from typing import NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.command import Runner, Which, run, which
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.versions import driver_version_in

UNIT = "nvidia-fabricmanager"


class Fabric(NamedTuple):
    """None: not known."""

    # Whether the kernel module knows NVSwitches here. Those of Blackwell are no PCI devices and not among them.
    switches: bool = False
    # What systemctl says of the unit's state: active, inactive, failed ...
    unit: str | None = None
    version: str | None = None


def look(root: str = "/", runner: Runner = run, find: Which = which) -> Fabric:
    systemctl, program = find("systemctl"), find("nv-fabricmanager")
    unit = runner([systemctl, "is-active", UNIT]).out.strip() if systemctl else ""
    said = runner([program, "--version"]) if program else None
    return Fabric(
        switches=bool(glob.glob(os.path.join(root, "proc/driver/nvidia-nvswitch/devices/*"))),
        unit=unit or None,
        version=driver_version_in(said.out + said.err) if said else None,
    )
