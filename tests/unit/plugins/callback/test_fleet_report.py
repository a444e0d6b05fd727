"""Hosts that fail are in the report, whichever way they fail: a real run of ansible-playbook against this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.whisperops.gpu.plugins.callback.fleet_report import CallbackModule

ROOT = Path(__file__).parents[4]
INVENTORY = """
whisper:
  vars: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  hosts:
    good:
    bad:
    gone: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}
"""
PLAYBOOK = """
- hosts: whisper
  gather_facts: false
  vars: {whisper_report_dir: "{{ playbook_dir }}/reports"}
  tasks:
    - ansible.builtin.import_role: {name: whisperops.gpu.fleet_report, tasks_from: begin}
    - ansible.builtin.ping:
    - ansible.builtin.set_fact: {whisper_plan: {verdict: cpu, runtime: cpu}}
- hosts: whisper
  gather_facts: false
  vars: {whisper_report_dir: "{{ playbook_dir }}/reports"}
  tasks:
    - name: Fail
      ansible.builtin.fail: {msg: "port_in_use: <b>8080</b> is taken"}
      when: inventory_hostname in failing
    - ansible.builtin.import_role: {name: whisperops.gpu.fleet_report}
"""


@pytest.fixture
def play(tmp_path):
    (tmp_path / "ansible.cfg").write_text("", encoding="utf-8")
    (tmp_path / "hosts.yml").write_text(INVENTORY, encoding="utf-8")
    (tmp_path / "play.yml").write_text(PLAYBOOK, encoding="utf-8")

    def run(*options, callbacks="whisperops.gpu.fleet_report", failing=()):
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
            "ANSIBLE_CALLBACKS_ENABLED": callbacks,
            "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
        }
        extra = json.dumps({"failing": list(failing)})
        ansible = [sys.executable, "-m", "ansible", "playbook", "-i", "hosts.yml", "play.yml", "-e", extra, *options]
        done = subprocess.run(ansible, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        file = tmp_path / "reports" / "fleet.json"
        assert file.exists() or "--check" in options, done.stdout + done.stderr
        hosts = json.loads(file.read_text(encoding="utf-8"))["hosts"] if file.exists() else []
        return done.stdout, {host["host"]: host for host in hosts}

    return run


def test_a_failed_and_an_unreachable_host_are_in_it_with_their_errors(play, tmp_path):
    out, hosts = play(failing=["bad"])
    assert {name: host["state"] for name, host in hosts.items()} == {
        "good": "planned",
        "bad": "failed",
        "gone": "failed",
    }
    assert hosts["bad"]["error"] == "port_in_use: <b>8080</b> is taken"
    assert hosts["bad"]["plan"] == {"verdict": "cpu", "runtime": "cpu"}, "what was learnt before is lost"
    assert hosts["gone"]["error"].startswith("unreachable: ")
    assert f"report: {tmp_path}/reports/fleet.html" in out
    assert "changed=0" in out
    assert "<b>8080" not in (tmp_path / "reports" / "fleet.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("action", ["whisperops.gpu.host_plan", "ansible.builtin.ping"])
def test_what_host_plan_has_found_is_learnt_and_from_no_other_module(action):
    callback = CallbackModule()
    result = {"gpu": {"gpus": []}, "planned": {"plan": {"verdict": "cpu"}}}
    task = SimpleNamespace(resolved_action=action)
    callback.v2_runner_on_ok(SimpleNamespace(host=SimpleNamespace(get_name=lambda: "a"), task=task, result=result))
    known = {"gpu_info": {"gpus": []}, "plan": {"verdict": "cpu"}}
    assert callback._learnt == {"a": known if action == "whisperops.gpu.host_plan" else {}}


def test_where_every_host_fails_there_is_a_report_all_the_same(play):
    _page, hosts = play(failing=["good", "bad"])
    assert {host["state"] for host in hosts.values()} == {"failed"}
    assert len(hosts) == 3


def test_without_the_callback_hosts_that_did_not_finish_are_in_it(play):
    out, hosts = play(callbacks="ansible.builtin.tree", failing=["bad"])
    assert {name: host["state"] for name, host in hosts.items()} == {
        "good": "planned",
        "bad": "failed",
        "gone": "failed",
    }
    assert "did not get to the end" in hosts["bad"]["error"]
    assert "report: " in out


def test_the_next_run_takes_the_error_away(play):
    play(failing=["bad"])
    assert play()[1]["bad"]["error"] is None


def test_a_prediction_is_not_recorded(play, tmp_path):
    play("--check")
    assert not (tmp_path / "reports").exists()
