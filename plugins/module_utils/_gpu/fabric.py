# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVSwitch and the service without which CUDA does not start on its GPUs: nvidia-fabricmanager."""

from __future__ import annotations

import glob
import os
from typing import NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import driver_version_in
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Runner, Which, run, which

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


def problems(seen: Fabric, driver: str | None) -> list[Problem]:
    """Of a machine with NVSwitches, before any program meets it. Without systemctl (in a container) nothing is told."""
    ready = seen.unit == "active" and (None in (seen.version, driver) or seen.version == driver)
    return [not_ready(seen, driver)] if seen.switches and seen.unit is not None and not ready else []


def not_ready(seen: Fabric, driver: str | None) -> Problem:
    install = (
        f"Install {UNIT} in exactly the driver's version ({driver or 'cat /sys/module/nvidia/version'}; for Blackwell"
        f" nvlsm too) and `systemctl enable --now {UNIT}`"
    )
    if seen.version is None and seen.unit != "active":
        # Without systemctl nobody can say.
        state = "it is missing or does not run" if seen.unit is None else "it is not installed"
        remedy = f"{install}."
    elif seen.version and driver and seen.version != driver:
        state, remedy = (
            f"it is {seen.version}, and the driver is {driver}",
            f"{install}: another version does not start.",
        )
    elif seen.unit != "active":
        state = f"its unit is {seen.unit}"
        remedy = f"`systemctl enable --now {UNIT}`; `journalctl -u {UNIT}` says what keeps it."
    else:
        state = "it runs, and has not made the GPUs ready"
        remedy = (
            f"Wait until `nvidia-smi -q | grep -A 2 Fabric` says Completed; otherwise `systemctl restart {UNIT}`. With"
            " confidential computing on: `nvidia-smi conf-compute -srs 1`."
        )
    machine = "This machine has NVSwitches:" if seen.switches else "On a machine whose GPUs are joined by NVSwitch,"
    return Problem(
        "fabric_manager_not_ready",
        f"{machine} CUDA starts on its GPUs only once {UNIT} has made them ready: {state}.",
        remedy,
    )
