"""The plan of a host as the role makes it: shown line by line, with its changes, without images that crashed there."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.whisperops.gpu.plugins.action import host_plan

ROOT = Path(__file__).parents[4]
UUID = "GPU-3f0f4e5c-0000-0000-0000-000000001080"
H100 = {"uuid": UUID, "name": "NVIDIA H100", "compute_capability": "9.0", "memory_free_mib": 80000}
HOST = {
    "gpu": {"gpu_present": True, "driver": {"version": "580.95.05"}, "cuda_driver_version": "13.0", "gpus": [H100]},
    "packages": {}, "engine": {"installed": False, "version": None, "limits": None}, "servers": [], "images": {},
    "files": {}, "speech": {}, "models": {}, "units": {}, "firewall": "missing", "selinux": "disabled",
    "applied": None, "crashed_images": {}, "unseen": [],
}  # fmt: skip
OFFICIAL = "ghcr.io/ggml-org/whisper.cpp:main-cuda"
CRASH = {OFFICIAL: {"reason": "it ended\x1b[2J\nPLAY RECAP", "gpus": [UUID], "driver": "580.95.05"}}
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Plan
      whisperops.gpu.host_plan:
        host: "{{ host | default(omit) }}"
        policy: "{{ policy | default({}) }}"
        retry_crashed: "{{ retry | default(false) }}"
      register: planned
      ignore_errors: true
    - name: Write
      ansible.builtin.copy:
        content: "{{ planned | to_json }}"
        dest: "{{ playbook_dir }}/{{ inventory_hostname }}.json"
        mode: "0600"
      check_mode: false
"""


def without_gpu() -> dict:
    host = copy.deepcopy(HOST)
    host["gpu"] = {"gpu_present": False, "driver": {"version": None}, "cuda_driver_version": None, "gpus": []}
    return host


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = tmp_path_factory.mktemp("play")
    crashed = {**HOST, "crashed_images": CRASH}
    hosts = {
        "plain": {"host": HOST},
        "crashed": {"host": crashed},
        "retried": {"host": crashed, "retry": True},
        "impossible": {"host": without_gpu(), "policy": {"allow_cpu": "never"}},
        "wrong": {"host": HOST, "policy": {"prefer": "remote"}},
        "misspelled": {"whisper_polcy": {}},
        "options": {"host": HOST, "policy": {"model": "base"}, "whisper_server_language": "en"},
        "several": {
            "host": HOST,
            "policy": {"models": [{"name": "base"}, {"name": "tiny.en"}]},
            "whisper_server_language": "en",
            "whisper_proof_language": "de",
        },
    }
    variables = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    inventory = {"all": {"hosts": hosts, "vars": variables}}
    (directory / "hosts.json").write_text(json.dumps(inventory), encoding="utf-8")
    (directory / "play.yml").write_text(PLAYBOOK, encoding="utf-8")
    command = [sys.executable, "-m", "ansible", "playbook", "play.yml", "-i", "hosts.json", "--check"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, {host: json.loads((directory / f"{host}.json").read_text("utf-8")) for host in hosts}


def test_a_bare_host_gets_a_plan_its_reasons_and_its_changes(run):
    said, planned = run
    assert planned["plain"]["planned"]["plan"]["image"] == OFFICIAL
    assert planned["plain"]["changed"] is True
    assert planned["plain"]["planned"]["changes"][0]["role"] == "docker_engine"
    assert f"  plain  {planned['plain']['planned']['plan']['reasons'][0]}" in said
    assert "  plain  + " in said


def test_a_misspelled_variable_ends_the_plan_before_the_host_is_asked(run):
    _said, planned = run
    assert planned["misspelled"]["failed"] is True
    assert planned["misspelled"]["msg"].startswith("variable_unknown: whisper_polcy ")
    assert "gpu" not in planned["misspelled"]


def test_an_image_whose_server_crashed_here_is_left_out(run):
    said, planned = run
    assert planned["crashed"]["planned"]["plan"]["image"] != OFFICIAL
    assert set(planned["crashed"]["planned"]["unavailable"]) == {OFFICIAL}
    assert "\x1b[2J" not in said
    assert not [line for line in said.splitlines() if line.startswith("PLAY RECAP") and not line.endswith("***")]


def test_an_upgrade_tries_a_crashed_image_again_and_still_knows_of_the_crash(run):
    _said, planned = run
    assert planned["retried"]["planned"]["plan"]["image"] == OFFICIAL
    assert planned["retried"]["planned"]["unavailable"] == {}
    assert set(planned["retried"]["planned"]["crashed"]) == {OFFICIAL}


def test_where_nothing_is_possible_nothing_changes(run):
    _said, planned = run
    assert planned["impossible"]["planned"]["plan"]["verdict"] == "impossible"
    assert (planned["impossible"]["planned"]["changes"], planned["impossible"]["changed"]) == ([], False)


def test_a_wrong_policy_fails_with_the_value_and_the_choice(run):
    _said, planned = run
    assert planned["wrong"]["failed"] is True
    assert "policy.prefer: got 'remote' (str); allowed: official, local." in planned["wrong"]["msg"]


def test_what_an_option_does_with_the_model_is_said(run):
    said, _planned = run
    assert "  options  whisper_server_language is en, and the model ggml-base.bin" in said


def test_of_several_models_each_is_planned_and_what_an_option_does_with_it_is_said(run):
    said, planned = run
    plan = planned["several"]["planned"]["plan"]
    assert [(one["model"], one["port"]) for one in plan["servers"]] == [("base", 8080), ("tiny.en", 8081)]
    downloads = [one["to"] for one in planned["several"]["planned"]["changes"] if one["action"] == "download"]
    assert downloads == ["ggml-base.bin", "ggml-tiny.en.bin"]
    assert "  several  whisper_server_language is en, and the model ggml-base.bin" in said
    assert "  several  whisper_proof_language is de, and tiny.en speaks English alone" in said


def test_a_host_that_fails_plans_nothing_whatever_it_answers(monkeypatch):
    """Else what it calls its plan would be read as the one that was made here."""
    answer = {"failed": True, "msg": "no", "planned": {"plan": {"servers": [{"port": 22}]}}}
    lookup = SimpleNamespace(run=lambda terms, variables: [{"options": {}, "inputs": {}}])
    monkeypatch.setattr(host_plan, "check", lambda *_: ([], ""))
    monkeypatch.setattr(host_plan, "lookup_loader", SimpleNamespace(get=lambda *_, **_more: lookup))
    monkeypatch.setattr(host_plan.ActionBase, "run", lambda *_: {})
    action = object.__new__(host_plan.ActionModule)
    given = {"host": None, "observe": {}, "prove": False}
    vars(action).update(_templar=SimpleNamespace(template=None), _loader=None)
    vars(action).update(validate_argument_spec=lambda _: (None, given), _execute_module=lambda *_, **_more: answer)
    assert action.run(task_vars={}) == {"failed": True, "msg": "no", "planned": {}}
