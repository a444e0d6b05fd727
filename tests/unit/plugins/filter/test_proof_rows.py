"""The rows of the proof table, as playbooks/verify.yml shows them."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.filter.proof_rows import proof_rows

GPU = {"port": 8080, "gpu": "GPU-0"}
PROOF = {
    "item": {"port": 8080},
    "text": "and so my fellow americans",
    "gpu_used": True,
    "evidence": {"kinds": {"log": True, "process_memory": True, "utilization": False}},
    "expected_similarity": 1.0,
    "real_time_factor": 0.055,
    "cause": None,
}


def test_a_server_that_is_proven_has_its_evidence():
    assert proof_rows([GPU], [PROOF], "gpu1") == [
        {
            "host": "gpu1",
            "port": 8080,
            "planned for": "GPU-0",
            "gpu used": "yes",
            "seen": "log, process_memory",
            "similarity": 1.0,
            "speed": "18.2 x real time",
            "problem": "-",
        }
    ]


@pytest.mark.parametrize(("used", "shown"), [(True, "yes"), (False, "no"), (None, "unknown")])
def test_the_use_of_the_gpu_is_told_in_words(used, shown):
    (row,) = proof_rows([GPU], [{**PROOF, "gpu_used": used}], "gpu1")
    assert row["gpu used"] == shown


def test_a_server_on_the_cpu_is_asked_for_no_gpu():
    (row,) = proof_rows([{"port": 8080, "gpu": None}], [PROOF], "cpu1")
    assert (row["planned for"], row["gpu used"], row["problem"]) == ("CPU", "-", "-")


def test_a_proof_belongs_to_the_server_of_its_port():
    rows = proof_rows([{"port": 8081, "gpu": "GPU-1"}, GPU], [PROOF], "gpu1")
    assert [(row["port"], row["gpu used"]) for row in rows] == [(8081, "unknown"), (8080, "yes")]


def test_the_cause_that_the_proof_found_comes_before_the_failure_of_the_host():
    failed = {**PROOF, "gpu_used": False, "text": None, "cause": {"code": "gpu_unused"}}
    (row,) = proof_rows([GPU], [failed], "gpu1", "transcript_missing: it did not answer")
    assert row["problem"] == "gpu_unused"


def test_a_server_without_a_transcript_has_the_failure_of_the_host():
    transcribed, silent = proof_rows([GPU, {"port": 8081, "gpu": "GPU-1"}], [PROOF], "gpu1", "server_missing: 8081")
    assert (transcribed["problem"], silent["problem"]) == ("-", "server_missing")


@pytest.mark.parametrize("servers", [None, []])
def test_a_host_of_which_nothing_is_known_has_a_row_with_its_failure(servers):
    assert proof_rows(servers, [], "gpu1", "engine_missing: no engine") == [
        {
            "host": "gpu1",
            "port": "-",
            "planned for": "-",
            "gpu used": "-",
            "seen": "-",
            "similarity": "-",
            "speed": "-",
            "problem": "engine_missing",
        }
    ]
