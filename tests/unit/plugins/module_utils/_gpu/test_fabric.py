"""nvidia-fabricmanager, as systemctl, the program itself and the kernel module tell of it."""

from __future__ import annotations

import os
import sys

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import fabric
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.open_devices import OpenDevices
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Result

# `nv-fabricmanager --version`, as public captures of 450, 535 and 580 have it.
VERSION = "Fabric Manager version is : 580.95.05\n"


def look(tmp_path, unit, version=None):
    def run(command):
        return Result(0, version, "") if command[-1] == "--version" else Result(3, f"{unit}\n", "")

    there = {"systemctl": "/bin/systemctl", "nv-fabricmanager": "/bin/nv-fabricmanager" if version else None}
    return fabric.look(str(tmp_path), run, there.get)


def test_a_machine_with_switches(tmp_path):
    (tmp_path / "proc/driver/nvidia-nvswitch/devices/0000:07:00.0").mkdir(parents=True)
    assert look(tmp_path, "active", VERSION) == fabric.Fabric(True, "active", "580.95.05")


def test_a_machine_without(tmp_path):
    assert look(tmp_path, "inactive") == fabric.Fabric(False, "inactive", None)
    assert fabric.look(str(tmp_path), find=lambda name: None) == fabric.Fabric()


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (fabric.Fabric(True, "active", "580.95.05"), None),
        (fabric.Fabric(True, "active", None), None),
        (fabric.Fabric(False, "inactive", None), None),
        # In a container nothing is known of the host's units.
        (fabric.Fabric(True, None, None), None),
        (fabric.Fabric(True, "inactive", None), "it is not installed"),
        (fabric.Fabric(True, "failed", "580.95.05"), "its unit is failed"),
        (fabric.Fabric(True, "active", "580.82.07"), "it is 580.82.07, and the driver is 580.95.05"),
    ],
)
def test_only_a_machine_with_switches_needs_it(seen, told):
    found = fabric.problems(seen, "580.95.05")
    assert [told in problem.message for problem in found] == ([] if told is None else [True])


def test_the_numbers_of_nvidia_uvm(tmp_path):
    # /proc/devices of a host with the driver 550, shortened.
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/devices").write_text("Character devices:\n195 nvidia\n511 nvidia-caps\n509 nvidia-uvm\n")
    node = tmp_path / "proc/7/root/dev"
    node.mkdir(parents=True)
    devices = OpenDevices(str(tmp_path))
    assert devices.uvm_numbers(7) == (None, 509)
    os.symlink("/dev/null", node / "nvidia-uvm")
    if sys.platform == "linux":
        assert devices.uvm_numbers(7) == (1, 509)
