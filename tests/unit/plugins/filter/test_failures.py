"""What a run says where there is no image, no model, no server or no gateway."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.filter.failure_message import failure_message
from ansible_collections.whisperops.gpu.plugins.filter.failure_reason import failure_reason
from ansible_collections.whisperops.gpu.plugins.filter.gateway_failure import gateway_failure
from ansible_collections.whisperops.gpu.plugins.filter.image_build_failure import image_build_failure
from ansible_collections.whisperops.gpu.plugins.filter.model_failure import model_failure
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


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (
            "disk",
            "disk_full: https://hub/m.bin: It differs. Free disk space on gpu1, or set whisper_server_model_dir to a"
            " larger disk. What ran before still runs.",
        ),
        (
            "checksum",
            "model_checksum_mismatch: https://hub/m.bin: It differs. Correct whisper_server_model_checksum if you know"
            " the file to be right; else somebody changed it. What ran before still runs.",
        ),
        (
            "network",
            "model_unreachable: https://hub/m.bin: It differs. Set whisper_server_model_url or whisper_server_model_hub"
            " to a place that gpu1 can reach. What ran before still runs.",
        ),
    ],
)
def test_a_model_that_is_not_there_is_told_by_the_reason(reason, text):
    assert model_failure({"msg": "It differs.", "reason": reason}, "gpu1", "https://hub/m.bin") == text


ADVICE = (
    "See that whisper_gateway_* are right, above all certificate, addresses and ports;"
    " journalctl --unit haproxy has more."
)


def test_a_configuration_that_haproxy_does_not_take_is_invalid():
    said = gateway_failure({"msg": "failed to validate:\n  line 3"}, "front", {"failed": True}, {}, True)
    assert said == (
        "gateway_config_invalid: HAProxy on front did not take the new configuration: failed to validate: line 3"
        f" The earlier one is in place and serves. {ADVICE}"
    )


@pytest.mark.parametrize("written", [{}, {"changed": True, "failed": False}])
def test_one_that_it_took_and_does_not_run_by_was_not_loaded(written):
    said = gateway_failure({"msg": "Job failed. validate x"}, "front", written, {"skipped": True}, False)
    assert said == (
        "gateway_reload_failed: HAProxy on front did not take the new configuration: Job failed. validate x"
        f" There was no gateway before. {ADVICE}"
    )


@pytest.mark.parametrize(("asked", "answer"), [({"status": 401}, "401"), ({}, "nothing")])
def test_a_key_that_was_refused_is_told_by_the_answer_and_not_by_the_hidden_result(asked, answer):
    hidden = {"censored": "the output has been hidden", "failed": True}
    said = gateway_failure(hidden, "front", {}, {**asked, "failed": True}, True)
    assert said.startswith(
        "gateway_key_refused: HAProxy on front did not take the new configuration: asked with its own key, the new"
        f" gateway answered {answer}. The earlier one"
    )


# Made up; the kernel's words for ENOSPC are in what Docker Engine passes on, by its own store and by containerd's.
FULL = "Error pulling image a/b:1 - write /var/lib/docker/tmp/GetImageBlob1: no space left on device"
FULL_OF_CONTAINERD = (
    "failed to extract layer sha256:1: mount callback failed on /tmp/c: No space left on device: unknown"
)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"msg": FULL}, "disk"),
        ({"msg": FULL_OF_CONTAINERD}, "disk"),
        ({"msg": "Error pulling image a/b:1 - 404 Client Error: Not Found (manifest unknown)"}, ""),
        ({"msg": FULL, "reason": "network"}, "network"),
        ({"msg": "One or more items failed", "results": [{"failed": True, "msg": FULL}]}, "disk"),
        ({}, ""),
    ],
)
def test_a_full_disk_is_told_from_other_reasons(result, reason):
    assert failure_reason(result) == reason
