from __future__ import annotations

import os
import subprocess
import sys

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.open_devices import OpenDevices

# /dev/null is 1:3, /dev/zero 1:5: what stands for a GPU here, because it can be opened anywhere.
MEMORY_DEVICES, NULL, ZERO = 1, 3, 5


@pytest.fixture
def opened():
    files = []

    def run(path, flags=os.O_RDWR):
        files.append(os.open(path, flags))

    yield run
    for file in files:
        os.close(file)


@pytest.fixture
def quiet_process():
    """A process that has no device open at all."""
    process = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    yield process.pid
    process.communicate(b"\n")


def test_a_device_that_is_held_open_is_known_by_its_number(opened):
    opened("/dev/zero")
    devices = OpenDevices(major=MEMORY_DEVICES)
    assert devices.held_by(os.getpid(), ZERO) is True
    assert devices.held_by(os.getpid(), 200) is False


def test_any_gpu_will_do_where_the_number_is_not_known(opened, quiet_process):
    opened("/dev/zero")
    devices = OpenDevices(major=MEMORY_DEVICES)
    assert devices.held_by(os.getpid()) is True
    assert devices.held_by(quiet_process) is False


@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="this Python has no os.O_PATH")
def test_a_device_that_is_only_named_is_not_open(opened):
    # /dev/full is 1:7, and nothing else opens it.
    opened("/dev/full", os.O_PATH)
    assert OpenDevices(major=MEMORY_DEVICES).held_by(os.getpid(), 7) is False
    opened("/dev/full")
    assert OpenDevices(major=MEMORY_DEVICES).held_by(os.getpid(), 7) is True


def test_another_kind_of_device_is_not_the_card(opened):
    opened("/dev/zero")
    assert OpenDevices().held_by(os.getpid(), ZERO) is False


def test_a_file_is_not_a_device(opened, tmp_path):
    (tmp_path / "nvidia0").touch()
    opened(tmp_path / "nvidia0")
    assert OpenDevices().held_by(os.getpid()) is False


def test_a_process_that_is_gone_holds_nothing():
    assert OpenDevices().held_by(2**22 + 1) is False


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look at every process")
def test_whoever_may_not_look_does_not_know():
    assert OpenDevices().held_by(1) is None


def test_a_process_and_its_children(quiet_process):
    tree = OpenDevices().process_tree(os.getpid())
    assert {os.getpid(), quiet_process} <= tree
    assert os.getppid() not in tree


@pytest.fixture
def root(tmp_path):
    information = tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0/information"
    information.parent.mkdir(parents=True)
    information.write_text("Model: \t\t NVIDIA X\nGPU UUID: \t GPU-1\nDevice Minor: \t 3\n", encoding="utf-8")
    (tmp_path / "proc/self/ns").mkdir(parents=True)
    return tmp_path


def test_the_kernel_numbers_the_cards(root):
    assert OpenDevices(str(root)).minor_of("GPU-1") == 3
    assert OpenDevices(str(root)).minor_of("GPU-2") is None


@pytest.mark.parametrize(("namespace", "all_visible"), [("pid:[4026531836]", True), ("pid:[4026532836]", False)])
def test_only_the_first_namespace_sees_all_processes(root, namespace, all_visible):
    (root / "proc/self/ns/pid").symlink_to(namespace)
    assert OpenDevices(str(root)).all_pids_visible() is all_visible


def test_where_the_gpu_has_another_device_nothing_can_be_said(root):
    assert OpenDevices(str(root)).driver_without_nodes() is False
    (root / "dev").mkdir()
    (root / "dev/dxg").touch()
    assert OpenDevices(str(root)).driver_without_nodes() is True


def test_libraries_are_those_that_are_mapped():
    assert any("python" in path or "libc" in path for path in OpenDevices().libraries(os.getpid()))
    assert OpenDevices().libraries(2**22 + 1) == []


def test_nodes_are_those_that_the_process_sees():
    assert OpenDevices().sees_node(os.getpid(), "dev/null") is True
    assert OpenDevices().sees_node(os.getpid(), "dev/no-such-node") is False
