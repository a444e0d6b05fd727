"""A card watched through the stand-in library by ctypes, and through nvidia-smi's words."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.card import Card, CardSample, NvidiaSmiCard, open_card
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml_binding import Binding
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml_library import open_library
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Result

ROOT = Path(__file__).parents[5]
STUB = ROOT / "tests" / "lab" / "driver" / "nvml_stub.c"
UUID = "GPU-00001080-0000-0000-0000-000000000000"
WATCH = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.card import open_card
card = open_card(sys.argv[2], which=lambda name: None)
print(json.dumps([card.source, card.minor_number, card.sample()._asdict(), card.sample()._asdict()]))
card.close()
"""


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not installed: the stand-in for libnvidia-ml.so.1 cannot be compiled")
    folder = tmp_path_factory.mktemp("library")
    command = [compiler, "-shared", "-fPIC", "-Wl,-soname,libnvidia-ml.so.1", "-o", folder / "libnvidia-ml.so.1", STUB]
    subprocess.run(command, check=True)
    return folder


@pytest.fixture
def watched(library):
    """Two looks, in a process of its own: the stand-in is told by the environment."""

    def run(uuid=UUID, **stub):
        settings = {f"STUB_{name.upper()}": str(value) for name, value in stub.items()}
        environment = {**os.environ, "LD_LIBRARY_PATH": str(library), **settings}
        command = [sys.executable, "-c", WATCH, str(ROOT / ".collections"), uuid]
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout)

    return run


def test_an_idle_card_is_seen_whole(watched):
    source, minor, first, _second = watched(used_mib=412)
    assert (source, minor) == ("nvml", 0)
    assert first == {
        "utilization_percent": 0,
        "sm_clock_mhz": 139,
        "memory_used_mib": 483,
        "processes": {},
        "process_utilization": None,
        "power_w": 9.51,
        "energy_j": None,
    }


def test_processes_have_their_memory_and_their_share(watched):
    _source, _minor, first, second = watched(processes="7:20,4242:412", utilization=40)
    assert first["processes"] == {"7": 20, "4242": 412}
    assert first["process_utilization"] == second["process_utilization"] == {"7": 40, "4242": 40}
    assert first["utilization_percent"] == 40


def test_an_old_driver_lists_processes_in_its_own_form(watched):
    assert watched(processes="7:20,4242:412", old=1)[2]["processes"] == {"7": 20, "4242": 412}


@pytest.mark.parametrize("stub", [{"nvml_rc": 18}, {"nvml_rc": 999}, {"gpus": 0}])
def test_a_card_that_cannot_be_reached_is_unknown(watched, stub):
    source, _minor, first, _second = watched(**stub)
    assert source is None
    assert set(first.values()) == {None}


def test_a_library_that_is_not_there_is_an_error_of_its_own():
    with pytest.raises(OSError, match="libwhisperops-none"):
        open_library("libwhisperops-none.so.1")


def missing():
    return Binding(None, "libnvidia-ml.so.1: cannot open shared object file")


def answers(card, apps, apps_rc=0):
    def runner(command, timeout_seconds):
        is_card = "--query-gpu" in command[-1]
        return Result(0 if is_card else apps_rc, card if is_card else apps, "")

    return runner


@pytest.mark.parametrize(
    ("card", "apps", "sample"),
    [
        ("31, 1980, 1252, 85.69\n", "4108, 764\n", CardSample(31, 1980, 1252, {4108: 764}, power_w=85.69)),
        ("[N/A], 1980, 1252, [Not Supported]\n", "4108, [N/A]\n", CardSample(None, 1980, 1252, {4108: None})),
        ("0, 345, 480\n", "", CardSample(0, 345, 480, {})),
    ],
)
def test_nvidia_smi_serves_where_the_library_does_not(card, apps, sample):
    watched = open_card(UUID, missing, lambda name: "/usr/bin/nvidia-smi", answers(card, apps))
    assert watched.source == "nvidia_smi"
    assert watched.sample() == sample


def test_nvidia_smi_that_cannot_list_processes_says_nothing_of_them():
    assert NvidiaSmiCard("nvidia-smi", UUID, answers("0, 345, 480\n", "", 3)).sample().processes is None


@pytest.mark.parametrize("which", [lambda name: None, lambda name: "/usr/bin/nvidia-smi"])
def test_without_either_nothing_is_known(which):
    watched = open_card(UUID, missing, which, lambda command, timeout_seconds: Result(9, "", ""))
    assert isinstance(watched, Card)
    assert watched.sample() == CardSample()
