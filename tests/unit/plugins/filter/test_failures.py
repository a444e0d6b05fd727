"""What a run says where there is no image or no server: recorded from runs."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.filter.failure_message import failure_message
from ansible_collections.whisperops.gpu.plugins.filter.image_build_failure import image_build_failure
from ansible_collections.whisperops.gpu.plugins.filter.server_failure import server_failure

BUILD = {
    "host": "gpu1",
    "version": "1.9.5",
    "source": "https://mirror.example.net/w.tar.gz",
    "source_url": "https://mirror.example.net/w.tar.gz",
    "base": "nvidia/cuda:12.4.1-devel-ubuntu22.04",
    "directory": "/var/cache/whisperops",
}
REPLACED = {
    "host": "gpu1",
    "log_file": "/var/lib/whisper/logs/whisper-server-0.log",
    "existed": True,
    "restart_error": "",
}


def test_a_task_says_why_it_failed():
    assert failure_message({"failed": True, "msg": "status 404."}) == "status 404."


def test_of_a_loop_the_first_failed_item_says_it():
    items = [{"failed": False, "msg": "fine"}, {"msg": "fine"}, {"failed": True, "msg": "first"}, {"failed": True}]
    assert failure_message({"failed": True, "msg": "One or more items failed", "results": items}) == "first"


@pytest.mark.parametrize("items", [[], None, [{"failed": True}], [{"failed": True, "msg": ""}], ["odd"]])
def test_where_no_item_says_it_the_loop_does(items):
    assert failure_message({"msg": "One or more items failed", "results": items}) == "One or more items failed"


def test_a_failure_without_a_message_is_told_as_one():
    assert failure_message({"failed": True}) == "the task gave no message"


def test_what_is_no_result_is_refused():
    with pytest.raises(AnsibleFilterError, match="failure_message: got str; allowed: the result of a failed task"):
        failure_message("x")


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (
            "checksum",
            "source_checksum_mismatch: It differs. Nothing was built. Correct whisper_image_source_checksum if you know"
            " the archive to be right; else somebody changed it.",
        ),
        (
            "disk",
            "disk_full: https://mirror.example.net/w.tar.gz: It differs. Free disk space on gpu1, or set"
            " whisper_image_build_dir to a larger disk. What ran before still runs.",
        ),
        (
            "network",
            "source_unreachable: https://mirror.example.net/w.tar.gz could not be fetched: It differs. Set"
            " whisper_image_source_url (or whisper_image_source_git) to a place gpu1 can reach.",
        ),
        (None, "It differs."),
        ("something new", "It differs."),
    ],
)
def test_a_download_that_failed_is_told_by_its_reason(reason, text):
    assert image_build_failure({"msg": "It differs.", "reason": reason}, BUILD) == text
    assert image_build_failure({"msg": "It differs.", "reason": reason}, BUILD, {"failed": False}) == text


def test_a_build_that_failed_names_its_log():
    build = {"failed": True, "msg": "build_failed: nvcc ended with 1."}
    assert image_build_failure(build, BUILD, build) == (
        "build_failed: nvcc ended with 1. Building whisper.cpp 1.9.5 from https://mirror.example.net/w.tar.gz on"
        " nvidia/cuda:12.4.1-devel-ubuntu22.04 failed. The whole log: gpu1:/var/cache/whisperops/build.log."
        " What ran before still runs."
    )


def test_a_problem_with_a_code_keeps_it():
    result = {"msg": "One or more items failed", "results": [{"failed": True, "msg": "transcript_wrong: banana"}]}
    assert server_failure(result, REPLACED) == "transcript_wrong: banana\nThe one before runs again."


@pytest.mark.parametrize("said", ["timed out", "HTTP: 500", "Transcript_wrong: x", "code: x"])
def test_every_other_failure_gets_one(said):
    assert server_failure({"msg": said}, REPLACED) == (
        f"server_failed: the new server on gpu1 did not come to answer: {said}\nThe one before runs again."
    )


@pytest.mark.parametrize(
    ("replacement", "state"),
    [
        ({"existed": False}, "There was none before."),
        ({"restart_error": "no GPU"}, "The one before could not be started again: no GPU"),
    ],
)
def test_what_serves_now_is_told(replacement, state):
    assert server_failure({"msg": "a_b: c"}, {**REPLACED, **replacement}) == f"a_b: c\n{state}"


def test_the_last_lines_of_the_log_that_are_not_empty_are_shown():
    log = ["", *(f"line {number}" for number in range(20)), ""]
    shown = server_failure({"msg": "a_b: c"}, REPLACED, log).splitlines()
    assert shown[2:4] == [
        "The log of the new one is in /var/lib/whisper/logs/whisper-server-0.log; its last lines:",
        "",
    ]
    assert shown[4:] == [f"line {number}" for number in range(5, 20)]
