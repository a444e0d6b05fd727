from __future__ import annotations

from types import SimpleNamespace

from ansible_collections.whisperops.gpu.plugins.callback.summary import CallbackModule, message, table


def test_the_columns_stand_below_each_other():
    lines = table([{"host": "a", "speed": "2 x"}, {"host": "a-long-name", "speed": None}])
    assert lines == ["HOST         SPEED", "a            2 x", "a-long-name  -"]


def test_a_failed_loop_says_what_its_first_failed_item_says():
    items = [{"failed": False, "msg": "fine"}, {"failed": True, "msg": "port_in_use"}, {"failed": True, "msg": "later"}]
    assert message({"msg": "One or more items failed", "results": items}) == "port_in_use"


def test_a_failed_task_says_what_it_says():
    assert message({"msg": "no"}) == "no"


def test_the_problems_of_the_hosts_stand_below_the_table(monkeypatch):
    callback, shown = CallbackModule(), []
    monkeypatch.setattr(callback, "_display", SimpleNamespace(display=lambda text, color=None: shown.append(text)))
    run = {"whisperops_summary": [{"host": "a"}], "whisperops_problems": {"a": ["gpu_lost: GPU 1 is lost."]}}
    callback.v2_playbook_on_stats(SimpleNamespace(custom={"_run": run}, failures={}, dark={}))
    assert shown == ["HOST", "a", "\na: gpu_lost: GPU 1 is lost."]
