"""How far a build is and why it failed, read from what Docker really writes (tests/fixtures/docker_build)."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._image.build_log import Progress, failure, progress

LOGS = Path(__file__).parents[4] / "fixtures" / "docker_build"


def log(name):
    return (LOGS / name).read_text(encoding="utf-8").splitlines()


def until(name, text):
    """The log as it was when this had just been written."""
    lines = log(name)
    return lines[: next(number for number, line in enumerate(lines) if text in line) + 1]


def test_before_anything_is_written_the_build_starts():
    assert progress([]) == Progress(0, 0, "starting")


def test_before_the_compiler_the_step_of_the_dockerfile_is_told():
    seen = progress(until("ended_while_compiling.log", "[source 3/3]"))
    assert (seen.step, seen.steps) == (0, 0)
    assert seen.doing.startswith("source RUN git init")


def test_the_compilers_steps_are_counted():
    assert progress(until("ended_while_compiling.log", "[30/37]")) == Progress(30, 37, "CXX main.cpp")


def test_the_newest_step_counts_also_in_an_ended_log():
    assert progress(log("ended_while_compiling.log")).step == 31


def test_a_failure_is_told_in_the_compilers_words_once():
    problem = failure(log("compiler_error.log"))
    assert problem.code == "build_failed"
    assert problem.message == "/whisper/x.cpp:1:21: error: 'undeclared' was not declared in this scope"


def test_without_a_word_of_a_compiler_the_last_lines_are_told():
    assert "context canceled" in failure(log("ended_while_compiling.log")).message


def test_the_dockerfiles_own_verdict_comes_first():
    lines = [*log("compiler_error.log"), "#9 1.2 WHISPEROPS version_mismatch: the source says 1.9.0"]
    problem = failure(lines)
    assert (problem.code, problem.message) == ("version_mismatch", "the source says 1.9.0")


def test_a_verdict_that_a_step_merely_contains_is_none():
    # The Dockerfile is shown in the log, with all it could say.
    assert "WHISPEROPS version_mismatch" in "\n".join(log("ended_while_compiling.log"))
    assert failure(log("ended_while_compiling.log")).code == "build_failed"


@pytest.mark.parametrize("lines", [[], [""], ["\ufffd"], ["#1"]])
def test_odd_logs_are_no_failure_of_ours(lines):
    assert progress(lines).doing == "starting"
    assert failure(lines).code == "build_failed"
