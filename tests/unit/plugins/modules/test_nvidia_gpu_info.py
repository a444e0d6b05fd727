"""The module: what it documents is what it returns, and it runs on a host that has nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, fields
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML, which comes with Ansible, is not installed")
pytest.importorskip("ansible", reason="ansible-core is not installed")

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.detect import BACKENDS  # noqa: E402 - after the skips
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import (  # noqa: E402 - after the skips
    Driver,
    Gpu,
    MigDevice,
    Problem,
    Process,
    Report,
    UnavailableGpu,
)
from ansible_collections.whisperops.gpu.plugins.modules import nvidia_gpu_info  # noqa: E402 - after the skips

ROOT = Path(__file__).parents[4]
RETURN = yaml.safe_load(nvidia_gpu_info.RETURN)
OPTIONS = yaml.safe_load(nvidia_gpu_info.DOCUMENTATION)["options"]


def names(model):
    return [field.name for field in fields(model)]


def run(**arguments):
    """As Ansible's own developers' guide runs a module by hand: arguments on standard input."""
    paths = os.pathsep.join([str(ROOT / ".collections"), *sys.path])
    environment = {**os.environ, "PYTHONPATH": paths}
    module = "ansible_collections.whisperops.gpu.plugins.modules.nvidia_gpu_info"
    payload = json.dumps({"ANSIBLE_MODULE_ARGS": arguments})
    # ansible-core 2.19 asks which serialization to use; older ones ignore it.
    start = (
        "import sys, runpy\n"
        "from ansible.module_utils import basic\n"
        "basic._ANSIBLE_ARGS = sys.stdin.buffer.read()\n"
        "basic._ANSIBLE_PROFILE = 'legacy'\n"
        f"runpy.run_module({module!r}, run_name='__main__')\n"
    )
    command = [sys.executable, "-c", start]
    done = subprocess.run(command, input=payload.encode(), env=environment, stdout=subprocess.PIPE, check=False)
    return json.loads(done.stdout)


def test_the_documentation_names_each_key_that_is_returned():
    gpu = RETURN["gpus"]["contains"]
    assert set(RETURN) == set(names(Report))
    assert list(RETURN["driver"]["contains"]) == names(Driver)
    assert list(gpu) == names(Gpu)
    assert list(gpu["mig_devices"]["contains"]) == names(MigDevice)
    assert list(gpu["processes"]["contains"]) == names(Process)
    assert sorted(RETURN["unavailable_gpus"]["contains"]) == sorted(names(UnavailableGpu))
    assert list(RETURN["problems"]["contains"]) == names(Problem)


def test_the_documented_backends_are_those_that_exist():
    assert OPTIONS["backend"]["choices"] == list(BACKENDS)


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_succeeds_with_every_key_by_every_backend_whatever_this_host_has(backend):
    result = run(backend=backend)
    assert result["changed"] is False
    assert set(asdict(Report(source=""))) <= set(result)
    assert result["source"] == backend if backend != "auto" else result["source"] in BACKENDS[1:]


def test_the_machine_is_what_the_kernel_calls_it():
    uname = subprocess.run(["uname", "-m"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    assert run(backend="sysfs")["machine"] == uname


def test_check_mode_tells_the_same():
    outside, inside = run(backend="sysfs"), run(backend="sysfs", _ansible_check_mode=True)
    assert (inside["driver"], inside["problems"]) == (outside["driver"], outside["problems"])


def test_an_unknown_backend_is_refused_with_the_known_ones():
    result = run(backend="lspci")
    assert result["failed"] is True
    assert "nvidia_smi" in result["msg"]
