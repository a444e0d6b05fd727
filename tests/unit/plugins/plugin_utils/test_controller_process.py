"""A run is known by its process, and a process that is gone by its absence."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys

import pytest
from ansible_collections.whisperops.gpu.plugins.plugin_utils._controller_process import (
    has_ended,
    kernel,
    started,
    this_run,
)


def in_a_child(results):
    results.put(this_run())


def test_a_run_that_goes_on_has_not_ended():
    assert not has_ended(this_run())


def test_a_child_names_the_process_that_started_it():
    fork = multiprocessing.get_context("fork")
    results = fork.Queue()
    child = fork.Process(target=in_a_child, args=(results,))
    child.start()
    named = results.get(timeout=30)
    child.join()
    assert named["process"] == os.getpid()


def test_a_run_whose_process_is_gone_has_ended():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    run = {**this_run(), "process": process.pid, "started": started(process.pid)}
    assert not has_ended(run)
    process.communicate(b"\n")
    assert has_ended(run)


def test_a_later_process_of_the_same_number_is_another_run():
    assert has_ended({**this_run(), "started": "1"})


def test_a_run_on_another_control_node_is_not_known_to_have_ended():
    assert not has_ended({**this_run(), "started": "1", "kernel": "elsewhere"})


@pytest.mark.parametrize("process", [None, "1", True, 0, -1, 1 << 40, 1.5])
def test_a_process_that_a_host_has_made_up_is_not_looked_for(process):
    assert not has_ended({**this_run(), "started": "1", "process": process})


def test_a_process_is_told_by_its_start_whatever_its_name(tmp_path):
    (tmp_path / str(os.getpid())).mkdir()
    fields = " ".join(str(number) for number in range(3, 53))
    (tmp_path / str(os.getpid()) / "stat").write_text(f"{os.getpid()} (a) S (b) {fields}")
    assert started(os.getpid(), tmp_path) == "22"


def test_without_proc_the_process_alone_tells(tmp_path):
    assert started(os.getpid(), tmp_path) == ""
    assert kernel(tmp_path)
