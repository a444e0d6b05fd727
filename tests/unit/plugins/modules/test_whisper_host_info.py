"""The module fails before it looks at a host that is not safe, where it is asked to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytest.importorskip("ansible", reason="ansible-core is not installed")

ROOT = Path(__file__).parents[4]
MODULE = "ansible_collections.whisperops.gpu.plugins.modules.whisper_host_info"


def run(environment, **arguments):
    paths = os.pathsep.join([str(ROOT / ".collections"), *sys.path])
    start = (
        "import sys, runpy\n"
        "from ansible.module_utils import basic\n"
        "basic._ANSIBLE_ARGS = sys.stdin.buffer.read()\n"
        "basic._ANSIBLE_PROFILE = 'legacy'\n"
        f"runpy.run_module({MODULE!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", start],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode(),
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": paths, **environment},
        check=False,
    )
    return json.loads(done.stdout)


def test_a_host_that_is_not_safe_fails_with_the_code_and_the_place_that_says_more():
    failed = run({"DOCKER_HOST": "tcp://10.0.0.1:2375"}, assert_safe=True)
    assert failed["failed"]
    assert failed["msg"].startswith("engine_elsewhere: DOCKER_HOST is tcp://10.0.0.1:2375 ")
    assert failed["msg"].endswith("See docs/troubleshooting.md#engine_elsewhere")


def test_directories_of_the_task_are_checked(tmp_path):
    tmp_path.joinpath("models").symlink_to("/etc")
    for option in ({"model_dir": f"{tmp_path}/models"}, {"directories": [f"{tmp_path}/models"]}):
        assert run({}, assert_safe=True, **option)["msg"].startswith("directory_unsafe: ")


def test_a_run_asks_for_the_check_in_the_task_that_observes_the_host_anyway():
    tasks = yaml.safe_load((ROOT / "roles/whisper_plan/tasks/plan.yml").read_text(encoding="utf-8"))
    (arguments,) = (task["block"][0]["whisperops.gpu.host_plan"]["observe"] for task in tasks if "block" in task)
    assert arguments["assert_safe"] is True
    assert "whisper_image_build_dir" in arguments["directories"]
    assert "whisper_server_log_dir" in arguments["directories"]
    assert "whisper_server_user" in arguments["server_user"]
