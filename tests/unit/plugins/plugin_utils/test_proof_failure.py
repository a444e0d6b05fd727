"""The judgement of proofs: each fault has its code, and a host that answers with anything proves nothing."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.plugin_utils._proof_failure import judged

SAID = "deploy the server image on host seven"
GPU = "GPU-00001080-0000-0000-0000-000000000000"
ON_CPU = {
    "url": "http://127.0.0.1:8080/v1/audio/transcriptions",
    "port": 8080,
    "container": "whisper-server-0",
    "gpu": None,
}
ON_GPU = {**ON_CPU, "url": "http://127.0.0.1:8081/v1/audio/transcriptions", "port": 8081, "gpu": GPU}
CAUSE = {
    "code": "container_without_gpu",
    "message": "The container was created without a GPU.",
    "remedy": "Run site.yml.",
}
PROVEN = {
    "text": SAID, "expected_similarity": 1.0, "wrapped": False, "seconds": 0.4, "audio_seconds": 2.9, "gpu_used": True,
    "missing": [], "cause": None, "error": None,
    "evidence": {
        "kinds": {"log": True, "process_memory": True, "utilization": None}, "process_memory_mib": 628,
        "utilization_baseline_percent": 0, "utilization_max_percent": 23,
    },
}  # fmt: skip


def judge(server, proof, similarity=0.8):
    return judged([server], {"servers": [proof]}, SAID, similarity)


@pytest.mark.parametrize("server", [ON_CPU, ON_GPU])
def test_a_good_proof_is_one_line(server):
    proofs, failures, (line,) = judge(server, PROVEN)
    assert failures == []
    assert proofs[0]["item"] == server
    assert f'{server["url"]}: "{SAID}" (similarity 1.0), 0.4 s for 2.9 s of speech' in line
    assert line.startswith(f"GPU {GPU}" if server["gpu"] else "CPU ONLY")
    assert ("log, process_memory, 628 MiB of the process" in line) is bool(server["gpu"])


@pytest.mark.parametrize(
    ("server", "change", "code", "words"),
    [
        (ON_CPU, {"text": None, "error": "HTTP 500"}, "transcript_missing", "gave no transcript: HTTP 500. Read"),
        (ON_CPU, {"text": None, "error": None}, "transcript_missing", "it did not say why"),
        (ON_GPU, {"text": None, "error": "gone", "cause": CAUSE}, CAUSE["code"], "created without a GPU. Run"),
        (ON_GPU, {"gpu_used": False, "missing": ["log"], "cause": CAUSE}, CAUSE["code"], "does not use GPU-0000"),
        (ON_GPU, {"gpu_used": None, "cause": CAUSE}, CAUSE["code"], "nothing shows whether it uses GPU-0000"),
        (ON_GPU, {"gpu_used": 1}, "gpu_proof_missing", "does not use"),
        (ON_GPU, {"gpu_used": None}, "gpu_proof_missing", "nothing shows"),
        (ON_CPU, {"wrapped": True}, "transcript_broken", "lines of 60 characters"),
        (ON_CPU, {"expected_similarity": 0.79}, "transcript_wrong", "(similarity 0.79, at least 0.8 expected)"),
        (ON_CPU, {"expected_similarity": None}, "transcript_wrong", "similarity None"),
        (ON_CPU, {"expected_similarity": float("nan")}, "transcript_wrong", "similarity nan"),
    ],
)
def test_each_fault_has_its_code(server, change, code, words):
    _proofs, (failure,), lines = judge(server, {**PROVEN, **change})
    assert failure.startswith(f"{code}: {server['url']} ")
    assert words in failure
    assert lines == []


def test_of_several_servers_each_is_judged():
    wrong = {**PROVEN, "expected_similarity": 0.1}
    found = judged([ON_CPU, ON_GPU, ON_CPU], {"servers": [wrong, PROVEN, {"error": "x"}]}, SAID, 0.8)
    assert [failure.split(":")[0] for failure in found.failures] == ["transcript_wrong", "transcript_missing"]
    assert len(found.lines) == 1


def test_a_record_that_cannot_be_written_is_a_failure_that_keeps_what_was_found():
    answer = {"servers": [PROVEN], "failed": True, "msg": "The record cannot be written: disk full"}
    proofs, failures, lines = judged([ON_CPU], answer, SAID, 0.8)
    assert failures == ["The record cannot be written: disk full"]
    assert (len(proofs), len(lines)) == (1, 1)


@pytest.mark.parametrize("odd", [None, {}, "x", [], [PROVEN, PROVEN], [None], ["x"], [[]]])
def test_an_answer_of_another_form_proves_nothing(odd):
    proofs, (failure,), lines = judged([ON_GPU], {"servers": odd}, SAID, 0.8)
    assert (proofs, lines) == ([], [])
    assert failure.startswith("transcript_missing: the host's answer")


def test_a_host_does_not_choose_which_server_was_asked():
    proofs, (failure,), _lines = judge(ON_GPU, {**PROVEN, "item": ON_CPU, "gpu_used": False})
    assert proofs[0]["item"] == ON_GPU
    assert failure.startswith("gpu_proof_missing: ")


ODD = ["\x1b[2Jall is well", "a\nPLAY RECAP ***\nb", "\u202egnihton", "x" * 10**6, 3, [None], {"a": {}}]


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize(
    "place", ["text", "missing", "cause", "error", "evidence", "kinds", "code", "message", "seconds"]
)
@pytest.mark.parametrize("good", [True, False])
def test_a_host_that_answers_with_anything_gets_one_line_on_the_terminal(place, value, good):
    proof = {**PROVEN, "gpu_used": good}
    if place in ("code", "message"):
        proof["cause"] = {**CAUSE, place: value}
    elif place == "kinds":
        proof["evidence"] = {**PROVEN["evidence"], "kinds": value}
    else:
        proof[place] = value
    _proofs, failures, lines = judge(ON_GPU, proof)
    assert len(failures + lines) == 1
    assert (failures + lines)[0].isprintable()
    assert len((failures + lines)[0]) < 10_000
