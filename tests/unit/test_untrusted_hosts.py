"""A host that was taken over sends facts with its answers: none becomes a variable, and none names a file here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INVENTORY = """
whisper:
  vars: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  hosts:
    gpu:
      whisper_report_dir: "{{ playbook_dir }}/reports"
      whisper_proof_audio: "{{ playbook_dir }}/speech.wav"
"""
# What any module of such a host may answer.
MODULE = """#!/usr/bin/python
import json
print(json.dumps({"changed": False, "ansible_facts": %s}))
"""
PLAYBOOK = """
- hosts: whisper
  gather_facts: false
  # Nothing is written to the machine that runs the test.
  module_defaults:
    whisperops.gpu.installation_record: {path: "{{ playbook_dir }}/host/installed.json"}
    whisperops.gpu.server_proof:
      path: "{{ playbook_dir }}/host/proof.json"
      metrics_path: "{{ playbook_dir }}/host/proof.prom"
  tasks:
    - name: Ask the host something
      answer:
    - name: Show what the variables are
      ansible.builtin.copy:
        content: "{{ {'report': whisper_report_dir, 'audio': whisper_proof_audio} | to_json }}"
        dest: "{{ playbook_dir }}/seen.json"
        mode: "0600"
    - name: Use what the inventory names
      ansible.builtin.%(use)s
"""
REPORT = "import_role: {name: whisperops.gpu.fleet_report}"
SPEECH = "import_role: {name: whisperops.gpu.whisper_proof, tasks_from: verify}"


@pytest.fixture
def play(tmp_path):
    def run(use, facts, inject=None):
        (tmp_path / "library").mkdir()
        (tmp_path / "library" / "answer.py").write_text(MODULE % json.dumps(facts), encoding="utf-8")
        (tmp_path / "hosts.yml").write_text(INVENTORY, encoding="utf-8")
        (tmp_path / "play.yml").write_text(PLAYBOOK % {"use": use % {"root": ROOT}}, encoding="utf-8")
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
        if inject is not None:
            environment["ANSIBLE_INJECT_FACT_VARS"] = inject
        extra = json.dumps({"whisper_proof_speech_dir": str(tmp_path / "host"), "whisper_proof_servers": []})
        ansible = [sys.executable, "-m", "ansible", "playbook", "-i", "hosts.yml", "play.yml", "-e", extra]
        done = subprocess.run(ansible, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert (tmp_path / "seen.json").exists(), done.stdout + done.stderr
        return done, json.loads((tmp_path / "seen.json").read_text(encoding="utf-8"))

    return run


def test_a_fact_does_not_outrank_the_inventory(play, tmp_path):
    done, seen = play(REPORT, {"whisper_report_dir": str(tmp_path / "elsewhere"), "whisper_proof_audio": "/etc/shadow"})
    assert seen == {"report": f"{tmp_path}/reports", "audio": f"{tmp_path}/speech.wav"}
    assert not (tmp_path / "elsewhere").exists(), done.stdout


def test_where_facts_are_variables_a_host_does_not_choose_where_the_report_is_written(play, tmp_path):
    done, seen = play(REPORT, {"whisper_report_dir": str(tmp_path / "elsewhere")}, inject="true")
    assert seen["report"] == str(tmp_path / "elsewhere"), "the attack is none"
    assert "facts_override_variables: " in done.stdout + done.stderr
    assert not (tmp_path / "elsewhere").exists()


def test_where_facts_are_variables_a_host_does_not_read_a_file_of_the_control_node(play, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("of the control node", encoding="utf-8")
    done, seen = play(SPEECH, {"whisper_proof_audio": str(secret)}, inject="true")
    assert seen["audio"] == str(secret), "the attack is none"
    assert "facts_override_variables: " in done.stdout + done.stderr
    assert not [
        path for path in (tmp_path / "host").glob("*") if path.read_text(encoding="utf-8") == secret.read_text()
    ]


@pytest.mark.parametrize("use", [REPORT, SPEECH])
def test_facts_of_the_system_stand_in_nobodys_way(play, tmp_path, use):
    (tmp_path / "speech.wav").write_bytes(b"RIFF")
    done, _seen = play(use, {"distribution": "Debian", "ansible_date_time": {}}, inject="true")
    assert done.returncode == 0, done.stdout + done.stderr
