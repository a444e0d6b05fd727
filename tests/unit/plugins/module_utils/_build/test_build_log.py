"""How far a build is and why it failed, read from what Docker really writes (tests/fixtures/docker_build)."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._build import build_jobs
from ansible_collections.whisperops.gpu.plugins.module_utils._build.build_log import Progress, failure, progress

LOGS = Path(__file__).parents[4] / "fixtures" / "docker_build"
TOOLS = Path(__file__).parents[4] / "fixtures" / "build_tools"


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


def built(tool, *more):
    """A log as Docker writes it of a step in which a tool said this: while it runs, and once more at its end."""
    said = (TOOLS / f"{tool}.txt").read_text(encoding="utf-8").splitlines() + list(more)
    return [
        *(f"#12 {number}.5 {line}" for number, line in enumerate(said)),
        '#12 ERROR: process "/bin/sh -c cmake" did not complete successfully: exit code: 1',
        *(f"{number}.5 {line}" for number, line in enumerate(said)),
        "------",
        "Dockerfile:20",
        "  20 | >>> RUN cmake",
    ]


@pytest.mark.parametrize(
    ("tool", "code", "message"),
    [
        ("cc1plus_killed", "build_out_of_memory", "g++: fatal error: Killed signal terminated program cc1plus"),
        ("cicc_killed", "build_out_of_memory", "Killed"),
        ("ld", "build_failed",
         "/usr/bin/ld: cannot find -lcublas: No such file or directory\ncollect2: error: ld returned 1 exit status"),
        ("cmake_message", "build_failed", "CMake Error at s/CMakeLists.txt:1 (message):\n  CUDA Toolkit not found"),
        ("cmake_find", "build_failed",
         "CMake Error at /usr/share/cmake-3.25/Modules/FindCUDAToolkit.cmake:730 (message):\n"
         "  Could not find nvcc, please set CUDAToolkit_ROOT."),
    ],
)  # fmt: skip
def test_each_tool_is_told_in_its_own_words(tool, code, message):
    problem = failure(built(tool))
    assert (problem.code, problem.message) == (code, message)


def test_a_full_disk_has_its_own_code():
    problem = failure(built("disk_full"))
    assert problem.code == "disk_full"
    assert "No space left on device" in problem.message


def test_a_verdict_of_the_dockerfile_comes_with_what_git_said():
    problem = failure(built("git", "WHISPEROPS source_unreachable: git could not fetch the commit"))
    assert problem.code == "source_unreachable"
    assert problem.message.startswith("git could not fetch the commit\nfatal: unable to access 'https://192.0.2.7/")


def test_a_build_that_was_killed_itself_says_so():
    problem = failure(log("ended_while_compiling.log"), 137)
    assert (problem.code, "exit code 137" in problem.message) == ("build_out_of_memory", True)


def test_dockers_own_dressing_is_not_told():
    lines = ["#12 0.1 a word", "------", " > [build 4/5] RUN ...:", "a word", "Dockerfile:20", "  20 | >>> RUN cmake"]
    assert failure(lines).message == "a word"


@pytest.mark.parametrize(
    ("processors", "memory", "each", "expected"),
    [(8, 32000, 2048, 8), (8, 5000, 2048, 2), (8, 900, 2048, 1), (4, None, 2048, 4)],
)
def test_as_many_compilers_as_processors_and_memory_allow(processors, memory, each, expected):
    assert build_jobs.jobs(processors, memory, each) == expected


def test_memory_is_read_as_the_kernel_tells_it():
    # Of a kernel 6.1.
    text = "MemTotal:       24689764 kB\nMemFree:        13919224 kB\nMemAvailable:   22406156 kB\n"
    assert build_jobs.available_mib(text) == 21881
    assert build_jobs.available_mib("MemTotal: 1 kB\n") is None
