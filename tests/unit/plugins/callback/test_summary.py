from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.whisperops.gpu.plugins.callback.summary import CallbackModule, message


def test_a_failed_loop_says_what_its_first_failed_item_says():
    items = [{"failed": False, "msg": "fine"}, {"failed": True, "msg": "port_in_use"}, {"failed": True, "msg": "later"}]
    assert message({"msg": "One or more items failed", "results": items}) == "port_in_use"


def test_a_failed_task_says_what_it_says():
    assert message({"msg": "no"}) == "no"


@pytest.mark.parametrize("result", [{"results": "x"}, {"results": [None, "x", 3]}, {"results": {"a": 1}}, {"msg": [1]}])
def test_a_result_of_any_form_has_a_message(result):
    assert isinstance(message(result), str)


HOSTILE = "\x1b]0;title\x07\x1b[2Jok\u202e\n\ngpu-2: all is well\nPLAY RECAP ****"


def shown(failures=(), rows=None, reasons=None):
    """What the callback shows."""
    lines = []
    callback = CallbackModule()
    callback._display = SimpleNamespace(display=lambda text, color=None: lines.append(text))
    for host, text in failures:
        of_host = SimpleNamespace(get_name=lambda name=host: name)
        callback.v2_runner_on_failed(SimpleNamespace(host=of_host, result={"msg": text}))
    custom = {"_run": {"whisperops_summary": rows, "whisperops_reasons": reasons or {}}}
    failed = {host: 1 for host, _text in failures}
    callback.v2_playbook_on_stats(SimpleNamespace(failures=failed, dark={}, custom=custom))
    assert not set("".join(lines)) & set("\x1b\x07\r\u202e"), "the terminal gets orders"
    return lines


def test_a_failure_that_gives_the_terminal_orders_is_one_line():
    (said,) = shown([("gpu-1", HOSTILE)])
    assert said.startswith("gpu-1: ⟨U+001B⟩]0;title")
    assert said.rstrip("\n").count("\n") == 0


def test_the_lines_of_a_long_failure_stay_and_none_passes_for_anothers():
    (said,) = shown([("gpu-1", "build_failed: x\n" + "in a.cu:\n" * 100 + HOSTILE)])
    lines = said.splitlines()
    assert len(lines) > 100
    assert all(line.startswith("    ") for line in lines[1:] if line)


def test_a_table_of_what_hosts_said_is_a_table():
    row = {"host": "gpu-1", "runs on": f"GPU {HOSTILE}", "server": "8080", "transcript": HOSTILE}
    *lines, empty, why = shown(rows=[row, {**row, "host": "gpu-2", "image": "more"}], reasons={"gpu-1": HOSTILE})
    assert [line.split()[0] for line in lines] == ["HOST", "gpu-1", "gpu-2"]
    assert not [line for line in lines if "\n" in line]
    assert empty == ""
    assert why.startswith("gpu-1: ")
    assert "\n" not in why


def test_the_transcript_of_one_server_is_one_line():
    said = shown(rows=[{"host": "gpu-1", "server": "8080", "transcript": HOSTILE}])[-3:]
    assert [line.partition(":")[0] for line in said] == ["", "transcript", "server"]


@pytest.mark.parametrize("rows", [None, "x", [], [None], [[]], {"a": 1}])
def test_a_table_of_nothing_is_none(rows):
    assert shown(rows=rows) == []


def test_the_problems_of_the_hosts_stand_below_the_table(monkeypatch):
    callback, shown = CallbackModule(), []
    monkeypatch.setattr(callback, "_display", SimpleNamespace(display=lambda text, color=None: shown.append(text)))
    run = {"whisperops_summary": [{"host": "a"}], "whisperops_problems": {"a": ["gpu_lost: GPU 1 is lost."]}}
    callback.v2_playbook_on_stats(SimpleNamespace(custom={"_run": run}, failures={}, dark={}))
    assert shown == ["HOST", "a", "", "a: gpu_lost: GPU 1 is lost."]
