"""The summaries of the hosts of a play, in one; a run without the callback shows what the callback would print."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.whisperops.gpu.plugins.action.fleet_summary import summaries
from ansible_collections.whisperops.gpu.plugins.callback.summary import CallbackModule

ROOT = Path(__file__).parents[4]
CHANGE = {"role": "docker_engine", "action": "install", "what": "docker.io", "from": None, "to": None, "why": "missing"}
CHANGE.update(interrupts=[], seconds=None)
ROW = {"host": "b", "gpu": "GTX 1080"}
HOSTVARS = {
    "b": {
        "whisper_summary": {"rows": [ROW, ROW], "reasons": "It has a GPU.", "problems": [], "planned": True},
        "whisper_plan_changes": [],
        "gpu_metrics_changes": [{**CHANGE, "what": "node_exporter"}],
    },
    "a": {"whisper_summary": {"rows": [{"host": "a", "gpu": None}], "reasons": None, "problems": ["gpu_lost: lost"]}},
    "failed": {"whisper_plan_changes": [CHANGE]},
}


def test_rows_come_in_the_order_of_the_hosts_and_the_rest_by_host():
    assert summaries(["b", "a"], HOSTVARS) == {
        "rows": [ROW, ROW, {"host": "a", "gpu": None}],
        "reasons": {"b": "It has a GPU."},
        # A host that is no plan gets no line of changes: its tasks have said them.
        "changes": {"b": ["+ install node_exporter (missing)"]},
        "problems": {"b": [], "a": ["gpu_lost: lost"]},
    }


def test_a_plan_of_which_no_facts_are_set_is_shown_as_one_of_which_they_are():
    summary = {"rows": [ROW], "reasons": "It has a GPU.", "problems": [], "planned": True}
    planned = {"planned": {"summary": summary, "changes": [CHANGE]}}
    as_facts = {"whisper_summary": summary, "whisper_plan_changes": [CHANGE]}
    shown = summaries(["b"], {"b": {"whisper_plan_host": planned}})
    assert shown == summaries(["b"], {"b": as_facts})
    assert shown["changes"] == {"b": ["+ install docker.io (missing)"]}
    # What the servers' role has made of it since is newer.
    newer = {"whisper_plan_host": planned, "whisper_summary": {"rows": [ROW, ROW]}}
    assert summaries(["b"], {"b": newer})["rows"] == [ROW, ROW]


def test_a_host_that_did_not_come_so_far_is_left_out():
    assert summaries(["b"], {"b": {"whisper_plan_host": {"failed": True}}})["rows"] == []
    assert summaries(["failed", "unknown"], HOSTVARS)["rows"] == []


@pytest.mark.parametrize("callback", [True, False])
def test_a_run_shows_the_table_once_with_the_callback_and_without(tmp_path, callback):
    variables = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    inventory = {"all": {"hosts": HOSTVARS, "vars": variables}}
    (tmp_path / "hosts.json").write_text(json.dumps(inventory), encoding="utf-8")
    task = {"whisperops.gpu.fleet_summary": {"hosts": "{{ ansible_play_hosts }}"}, "run_once": True}
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    command = [sys.executable, "-m", "ansible", "playbook", "play.yml", "-i", "hosts.json"]
    enabled = "callbacks_enabled = whisperops.gpu.summary" if callback else ""
    (tmp_path / "ansible.cfg").write_text(f"[defaults]\ncollections_path = {ROOT / '.collections'}\n{enabled}\n")
    environment = {**os.environ, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    printed = []
    shown = CallbackModule()
    shown._display = SimpleNamespace(display=lambda text, color=None: printed.append(text))
    made = {f"whisperops_{part}": value for part, value in summaries(["b", "a"], HOSTVARS).items() if part != "rows"}
    made["whisperops_summary"] = summaries(["b", "a"], HOSTVARS)["rows"]
    shown.v2_playbook_on_stats(SimpleNamespace(custom={"_run": made}, failures={}, dark={}))
    assert printed[0] == "HOST  GPU"
    assert done.stdout.count("\n".join(printed)) == 1
