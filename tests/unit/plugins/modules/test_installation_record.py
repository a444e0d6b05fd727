"""The module as Ansible runs it, on a file of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytest.importorskip("ansible.module_utils.basic", reason="needs ansible-core in this Python")

ROOT = Path(__file__).parents[4]
MODULE = "ansible_collections.whisperops.gpu.plugins.modules.installation_record"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "whisper" / "installed.json"


def run(path, **options):
    done = subprocess.run(
        [sys.executable, "-m", MODULE],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {"path": str(path), "_ansible_diff": True, **options}}),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / ".collections")},
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_entries_are_recorded_once(path):
    first = run(path, role="docker_engine", packages=["docker.io", "runc"])
    assert first["changed"]
    assert json.loads(path.read_text()) == {"docker_engine": {"packages": ["docker.io", "runc"]}}
    assert json.loads(first["diff"]["after"]) == json.loads(path.read_text())
    assert not run(path, role="docker_engine", packages=["runc"])["changed"]


def test_a_change_of_daemon_json_comes_back_as_it_was_given(path):
    change = {"undo": {"settings": {"a": {"b": 1}}, "absent": [["c", "d"]], "keep_file": True}, "backup": None}
    run(path, role="nvidia_container_toolkit", daemon_config=[change])
    assert run(path)["record"]["nvidia_container_toolkit"]["daemon_config"] == [change]


def test_check_mode_says_what_would_be_recorded_and_writes_nothing(path):
    result = run(path, role="whisper_image", images=["a:1"], _ansible_check_mode=True)
    assert result["changed"]
    assert result["record"]["whisper_image"]["images"] == ["a:1"]
    assert not path.parent.exists()


def test_without_a_role_the_record_is_only_read(path):
    assert run(path, images=["a:1"])["changed"] is False
    assert not path.parent.exists()


def test_the_last_entry_takes_the_file_with_it(path):
    run(path, role="whisper_gateway", packages=["haproxy"])
    assert run(path, role="whisper_gateway", state="absent")["changed"]
    assert not path.exists()
    assert not run(path, role="whisper_gateway", state="absent")["changed"]


def test_a_file_is_recorded_before_it_is_made_and_still_is_afterwards(path, tmp_path):
    new, foreign = tmp_path / "lib" / "new", tmp_path / "foreign"
    foreign.write_text("x")
    first = run(path, role="whisper_server", files=[str(new), str(foreign)])
    assert first["record"]["whisper_server"]["files"] == [str(new)]
    assert first["record"]["whisper_server"]["directories"] == [str(new.parent)]
    assert first["roles"] == ["whisper_server"]
    new.parent.mkdir()
    new.write_text("x")
    second = run(path, role="whisper_server", files=[str(new), str(foreign)])
    assert not second["changed"]
    assert second["record"] == first["record"]


def test_without_a_record_no_role_is_named(path):
    assert run(path)["roles"] == []


def test_a_file_of_another_form_is_left_as_it_is(path):
    path.parent.mkdir()
    path.write_text("mine")
    result = run(path, role="docker_engine", packages=["runc"])
    assert result["msg"].startswith("installation_record_unreadable: ")
    assert path.read_text() == "mine"


def test_the_roles_that_may_record_are_roles_of_the_collection_with_a_removal():
    source = (ROOT / "plugins" / "modules" / "installation_record.py").read_text(encoding="utf-8")
    documented = yaml.safe_load(source.split('DOCUMENTATION = r"""')[1].split('"""')[0])["options"]["role"]["choices"]
    assert documented
    assert [role for role in documented if not (ROOT / "roles" / role / "tasks" / "remove.yml").exists()] == []
