"""The task fails with one line for each fault of a host's variables, wherever they were set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[4]
PLAYBOOK = """
- hosts: all
  gather_facts: false
  vars:
    whisper_serail: 3
  tasks:
    - name: Register a variable with a prefix of the collection
      ansible.builtin.debug:
      register: whisper_servers
    - name: Check the variables
      whisperops.gpu.assert_variables:
        ignore: [whisper_frontend_port]
      register: checked
      ignore_errors: true
    - name: Write what the check said
      ansible.builtin.copy:
        content: "{{ checked | to_json }}"
        dest: "{{ playbook_dir }}/{{ inventory_hostname }}.json"
        mode: "0600"
"""
INVENTORY = {
    "speech": {
        "hosts": {
            "wrong": {"whisper_server_listen_adress": "::", "whisper_proxy": {"http": "proxy:3128"}},
            "right": {"whisper_server_threads": 4},
        },
        "vars": {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "whisper_polcy": {},
            "whisper_policy": {"modle": "tiny"},
            "whisper_frontend_port": 1,
        },
    }
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    directory = tmp_path_factory.mktemp("play")
    (directory / "play.yml").write_text(PLAYBOOK, encoding="utf-8")
    (directory / "hosts.yml").write_text(yaml.safe_dump(INVENTORY), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "ansible",
        "playbook",
        "play.yml",
        "-i",
        "hosts.yml",
        "-e",
        "gpu_metrics_host_prt=1",
    ]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    run = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return {host: json.loads((directory / f"{host}.json").read_text(encoding="utf-8")) for host in ("wrong", "right")}


def unknown(name, near):
    return f"variable_unknown: {name} is not read by anything. Did you mean {near}?"


OF_ALL = [
    unknown("gpu_metrics_host_prt", "gpu_metrics_host_port"),
    unknown("whisper_polcy", "whisper_policy"),
    unknown("whisper_policy.modle", "whisper_policy.model"),
    unknown("whisper_serail", "whisper_serial"),
]


def test_names_from_host_group_play_and_command_line_are_checked(results):
    slip = unknown("whisper_server_listen_adress", "whisper_server_listen_address")
    *found, _of_the_proxy = results["wrong"]["msg"].split("\n")
    assert found == [*OF_ALL, slip]


def test_a_proxy_by_which_nothing_can_be_reached_is_told(results):
    assert results["wrong"]["msg"].split("\n")[-1].startswith("proxy_invalid: whisper_proxy has a http that is no URL")


def test_a_host_is_told_of_its_own_variables_alone(results):
    assert results["right"]["msg"].split("\n") == OF_ALL
    assert "whisper_server_threads" in results["right"]["variables"]


def test_what_tasks_register_and_what_is_ignored_is_not_checked(results):
    assert not {"whisper_servers", "whisper_frontend_port"} & set(results["right"]["variables"])
