from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.filter.container_gpu_mode import container_gpu_mode
from ansible_collections.whisperops.gpu.plugins.filter.missing_gpu_access import missing_gpu_access


@pytest.mark.parametrize(
    ("engine", "mode"),
    [
        ("20.10.24+dfsg1", "runtime"),
        ("26.1.5+dfsg1", "runtime"),
        ("28.1.9", "runtime"),
        ("28.2", "cdi"),
        ("28.2.2", "cdi"),
        ("29.0.0-rc.1", "cdi"),
        ("100.1", "cdi"),
    ],
)
def test_cdi_is_used_where_it_survives_a_restart(engine, mode):
    access = container_gpu_mode(engine, "auto", "Debian 12")
    assert access["mode"] == mode
    assert (access["cdi_unsupported"], access["cdi_unreliable"]) == (False, False)


@pytest.mark.parametrize(
    ("distribution", "mode"),
    [("Debian 12", "runtime"), ("Debian 13", "runtime"), ("Ubuntu 24", "cdi"), ("Rocky 9", "cdi")],
)
@pytest.mark.parametrize("engine", ["", None])
def test_without_an_engine_the_distribution_tells(engine, distribution, mode):
    access = container_gpu_mode(engine, "auto", distribution)
    assert (access["engine"], access["mode"]) == ("", mode)
    assert access["setting_needed"] is (mode == "runtime")


@pytest.mark.parametrize(
    ("engine", "unsupported", "unreliable", "setting"),
    [
        ("24.0.9", True, True, True),
        ("25.0.0", False, True, True),
        ("28.2.0", False, False, False),
        ("", False, False, True),
    ],
)
def test_cdi_that_was_asked_for_is_judged_by_the_engine_that_answers(engine, unsupported, unreliable, setting):
    access = container_gpu_mode(engine, "cdi", "Debian 12")
    assert access["mode"] == "cdi"
    assert (access["cdi_unsupported"], access["cdi_unreliable"]) == (unsupported, unreliable)
    assert access["setting_needed"] is setting


def test_the_runtime_that_was_asked_for_needs_its_setting():
    access = container_gpu_mode("29.1.0", "runtime", "Ubuntu 24")
    assert (access["engine"], access["mode"], access["setting_needed"]) == ("29.1.0", "runtime", True)


WHOLE = (
    "node /dev/nvidia0\nnode /dev/nvidiactl\nnode /dev/nvidia-uvm\nlibrary libcuda.so.1\nlibrary libnvidia-ml.so.1\n"
)


def test_a_container_with_all_of_it_lacks_nothing():
    assert missing_gpu_access(WHOLE) == []
    assert missing_gpu_access(WHOLE.replace("nvidia0", "nvidia7")) == []


@pytest.mark.parametrize(
    "line", ["node /dev/nvidia0", "node /dev/nvidiactl", "library libcuda.so.1", "library libnvidia-ml.so.1"]
)
def test_what_a_container_lacks_is_named(line):
    assert missing_gpu_access(WHOLE.replace(f"{line}\n", "")) == [line]


@pytest.mark.parametrize("output", ["", None])
def test_a_container_that_said_nothing_lacks_everything(output):
    assert missing_gpu_access(output) == [
        "node /dev/nvidiactl",
        "library libcuda.so.1",
        "library libnvidia-ml.so.1",
        "node /dev/nvidia0",
    ]
