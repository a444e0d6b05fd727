"""Running a tool of the host."""

from __future__ import annotations

import sys

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import run, which


def test_status_and_both_outputs_come_back():
    done = run([sys.executable, "-c", "import sys; print('out'); sys.stderr.write('err'); sys.exit(9)"])
    assert (done.rc, done.out.strip(), done.err) == (9, "out", "err")


def test_bytes_that_are_no_text_do_no_harm():
    assert "\ufffd" in run([sys.executable, "-c", "import sys; sys.stdout.buffer.write(b'\\xff')"]).out


def test_tools_speak_english(monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert run([sys.executable, "-c", "import os; print(os.environ['LC_ALL'])"]).out.strip() == "C"


def test_a_tool_that_hangs_is_left_behind():
    done = run([sys.executable, "-c", "import time; time.sleep(3600)"], timeout_seconds=0.5)
    assert (done.rc, done.err) == (None, "no answer within 0.5 seconds")


def test_a_tool_that_is_not_there_is_no_error(tmp_path):
    assert run([str(tmp_path / "nvidia-smi")]).rc is None


@pytest.mark.parametrize(("mode", "found"), [(0o755, True), (0o644, False)])
def test_only_what_can_be_run_is_found(tmp_path, monkeypatch, mode, found):
    tool = tmp_path / "nvidia-ctk-of-a-test"
    tool.write_text("#!/bin/sh\n", encoding="utf-8")
    tool.chmod(mode)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert which(tool.name) == (str(tool) if found else None)


def test_tools_outside_of_an_ordinary_user_s_path_are_found(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert which("sh") in ("/usr/bin/sh", "/bin/sh")
