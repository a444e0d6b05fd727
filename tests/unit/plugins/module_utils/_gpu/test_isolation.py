"""A library that crashes or hangs takes its own process with it, and no more."""

from __future__ import annotations

import os
import signal
import time

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.isolation import IsolatedCallError, call_isolated


def test_what_the_call_returns_comes_back():
    assert call_isolated(lambda: {"pid": 4242, "text": "x" * 200_000})["pid"] == 4242


def test_it_is_another_process():
    assert call_isolated(os.getpid) != os.getpid()


def test_a_crash_is_an_error_that_names_the_signal():
    with pytest.raises(IsolatedCallError, match="killed by SIGKILL"):
        call_isolated(lambda: os.kill(os.getpid(), signal.SIGKILL))


def test_a_hang_ends_after_its_time():
    with pytest.raises(IsolatedCallError, match=r"no answer within 0\.3 seconds"):
        call_isolated(lambda: time.sleep(3600), seconds=0.3)


def test_an_error_in_the_call_is_no_answer():
    with pytest.raises(IsolatedCallError, match="without an answer"):
        call_isolated(lambda: 1 // 0)
