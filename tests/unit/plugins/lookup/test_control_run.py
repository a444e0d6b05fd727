"""A run is known by its process, and a process that is gone by its absence."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys

from ansible_collections.whisperops.gpu.plugins.lookup.control_run import LookupModule, kernel, started


def look(*terms):
    return LookupModule().run(list(terms))[0]


def in_a_child(results):
    results.put(look())


def test_a_run_that_goes_on_has_not_ended():
    assert look(look())["ended"] is False


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
    run = {**look(), "process": process.pid, "started": started(process.pid)}
    assert look(run)["ended"] is False
    process.communicate(b"\n")
    assert look(run)["ended"] is True


def test_a_later_process_of_the_same_number_is_another_run():
    assert look({**look(), "started": "1"})["ended"] is True


def test_of_a_run_on_another_control_node_nothing_is_known():
    assert look({**look(), "kernel": "elsewhere"})["ended"] is None


def test_a_process_is_told_by_its_start_whatever_its_name(tmp_path):
    (tmp_path / str(os.getpid())).mkdir()
    fields = " ".join(str(number) for number in range(3, 53))
    (tmp_path / str(os.getpid()) / "stat").write_text(f"{os.getpid()} (a) S (b) {fields}")
    assert started(os.getpid(), tmp_path) == "22"


def test_without_proc_the_process_alone_tells(tmp_path):
    assert started(os.getpid(), tmp_path) == ""
    assert kernel(tmp_path)
