"""A run without the callback shows what the callback would print."""

from __future__ import annotations

from types import SimpleNamespace

from ansible_collections.whisperops.gpu.plugins.callback.summary import CallbackModule
from ansible_collections.whisperops.gpu.plugins.filter.summary_lines import FilterModule

ROWS = [{"host": "a", "gpu": "GTX 1080"}, {"host": "b", "gpu": None}]
REASONS = {"a": "It has a GPU."}
PROBLEMS = {"b": ["no_gpu: no GPU."]}


def test_the_lines_are_those_of_the_callback():
    printed = []
    callback = CallbackModule()
    callback._display = SimpleNamespace(display=lambda text, color=None: printed.append(text))
    run = {"whisperops_summary": ROWS, "whisperops_reasons": REASONS, "whisperops_problems": PROBLEMS}
    callback.v2_playbook_on_stats(SimpleNamespace(custom={"_run": run}, failures={}, dark={}))
    assert FilterModule().filters()["summary_lines"](ROWS, REASONS, PROBLEMS) == printed
    assert printed[0] == "HOST  GPU"
