"""Each role that installs something removes it again, and playbooks/remove.yml calls them in the reverse order."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.whisperops.gpu.plugins.module_utils._system.installation_record import ROLES

ROOT = Path(__file__).parents[2]


def read(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


TASKS = [task for play in read("playbooks/remove.yml") for task in play["tasks"]]


def called():
    """Entry points in the order of the playbook, each with the variables that it is given."""
    for task in TASKS:
        role = task.get("ansible.builtin.import_role")
        if role:
            yield role["name"].rpartition(".")[2], role["tasks_from"], task.get("vars", {})


def specification(role):
    return read(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]


def test_each_role_that_records_an_installation_is_removed():
    assert set(ROLES) <= {role for role, entry, _variables in called() if entry == "remove"}


def test_what_depends_on_something_is_removed_before_it():
    assert [role for role, entry, _variables in called() if entry == "remove"] == [
        "whisper_gateway",
        "whisper_proof",
        "gpu_metrics",
        "whisper_server",
        "whisper_image",
        "nvidia_container_toolkit",
        "docker_engine",
    ]


def test_each_entry_point_is_documented_and_given_what_it_needs():
    for role, entry, variables in called():
        options = specification(role)[entry].get("options", {})
        assert set(variables) == set(options) == {f"{role}_record"} & set(options), role
        assert (f"{role}_record" in options) is (role in ROLES), role


def test_nothing_is_removed_without_the_host_lock():
    assert "state" not in TASKS[0]["whisperops.gpu.host_lock"]
    assert TASKS[-1]["whisperops.gpu.host_lock"]["state"] == "released"


def test_the_record_is_read_once_and_removed_after_all_that_read_it():
    readers = [index for index, task in enumerate(TASKS) if "whisperops.gpu.installation_record" in task]
    assert len(readers) == 1
    removed = [
        index for index, task in enumerate(TASKS) if "/etc/whisper" in str(task.get("loop")) and "vars" not in task
    ]
    assert removed
    assert max(index for index, task in enumerate(TASKS) if "vars" in task) < removed[0]
