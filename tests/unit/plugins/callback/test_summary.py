from __future__ import annotations

from ansible_collections.whisperops.gpu.plugins.callback.summary import message, table


def test_the_columns_stand_below_each_other():
    lines = table([{"host": "a", "speed": "2 x"}, {"host": "a-long-name", "speed": None}])
    assert lines == ["HOST         SPEED", "a            2 x", "a-long-name  -"]


def test_a_failed_loop_says_what_its_first_failed_item_says():
    items = [{"failed": False, "msg": "fine"}, {"failed": True, "msg": "port_in_use"}, {"failed": True, "msg": "later"}]
    assert message({"msg": "One or more items failed", "results": items}) == "port_in_use"


def test_a_failed_task_says_what_it_says():
    assert message({"msg": "no"}) == "no"
