"""What a run is told that may not have the lock, and which lock the controller has taken over."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.whisperops.gpu.plugins.action.host_lock import ActionModule, in_progress
from ansible_collections.whisperops.gpu.plugins.plugin_utils._controller_process import this_run

HOLDER = {
    "user": "ops", "control_node": "other", "process": 1, "started": "1", "kernel": "elsewhere",
    "host": "speech-1", "since": "this morning",
}  # fmt: skip


class Host:
    """Answers as the module does, one answer after the other, and keeps what it was asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def __call__(self, module_name, module_args, task_vars):
        self.asked.append(module_args)
        return self.answers.pop(0)


def run(host, check_mode=False, **arguments):
    task = SimpleNamespace(args=arguments, check_mode=check_mode, async_val=0, diff=False)
    action = ActionModule(task, SimpleNamespace(_shell=SimpleNamespace(tmpdir=None)), None, None, None, None)
    action._execute_module = host
    return action.run(task_vars={"inventory_hostname": "speech-1"})


def test_a_free_lock_is_acquired_in_one_round_trip():
    host = Host({"acquired": True, "holder": None, "changed": False})
    assert run(host)["acquired"]
    (asked,) = host.asked
    assert asked["run"]["process"] == this_run()["process"]
    assert asked["run"]["host"] == "speech-1"
    assert "ended" not in asked


def test_a_run_of_another_control_node_is_named_in_the_failure():
    result = run(Host({"acquired": False, "holder": HOLDER}))
    assert result["failed"]
    assert result["msg"].startswith(
        "run_in_progress: ops@other (process 1) is at work on speech-1 since this morning. Wait until that run"
    )
    assert "remove /run/whisperops.lock on speech-1" in result["msg"]


def test_the_lock_of_a_run_that_has_ended_here_is_taken_over():
    ended = {**HOLDER, **this_run(), "started": "1"}
    host = Host({"acquired": False, "holder": ended}, {"acquired": True, "holder": None})
    assert not run(host).get("failed")
    assert host.asked[1]["ended"] == ended


def test_where_a_third_run_came_first_that_run_is_named():
    ended = {**HOLDER, **this_run(), "started": "1"}
    result = run(Host({"acquired": False, "holder": ended}, {"acquired": False, "holder": {**HOLDER, "user": "third"}}))
    assert "third@other" in result["msg"]


def test_the_lock_of_a_run_that_goes_on_here_is_not_asked_for_again():
    host = Host({"acquired": False, "holder": {**HOLDER, **this_run()}})
    assert run(host)["failed"]
    assert len(host.asked) == 1


def test_what_the_module_could_not_do_is_passed_on():
    result = run(Host({"failed": True, "msg": "/run/whisperops.lock: Permission denied."}), state="released")
    assert result["msg"] == "/run/whisperops.lock: Permission denied."


def test_check_mode_asks_the_host_nothing():
    host = Host()
    assert run(host, check_mode=True)["changed"] is False
    assert host.asked == []


@pytest.mark.parametrize("text", ["\x1b[2Jgone", "a\nPLAY RECAP", "x" * 10**6, None, {"a": 1}], ids=range(5))
def test_whatever_a_host_says_of_the_holder_is_one_readable_line(text):
    said = str(in_progress({**HOLDER, "user": text, "since": text}, "speech-1", "/run/whisperops.lock"))
    assert said.isprintable()
    assert len(said) < 1500
