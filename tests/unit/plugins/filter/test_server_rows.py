"""The rows of the summary table, as playbooks/site.yml shows them."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.filter.server_rows import server_rows, speed

GTX_1080 = {"uuid": "GPU-0", "name": "NVIDIA GeForce GTX 1080", "compute_capability": "6.1"}
FACTS = {"gpus": [GTX_1080]}
PLAN = {
    "verdict": "native",
    "runtime": "cuda",
    "image": "whisperops/whisper.cpp:cuda12.4.1-61",
    "model": "base.en",
    "servers": [{"gpu": "GPU-0", "port": 8080}, {"gpu": "GPU-0", "port": 8081}],
}
CPU_PLAN = {**PLAN, "runtime": "cpu", "verdict": "cpu", "servers": [{"gpu": None, "port": 8080}]}
PROOF = {"text": "and so my fellow americans", "real_time_factor": 0.055}


def test_a_server_with_proof_has_its_address_speed_and_transcript():
    deployed = {"endpoints": [{"public_url": "http://192.0.2.10:8080"}], "proofs": [PROOF]}
    rows = server_rows(PLAN, FACTS, "gpu1", deployed)
    assert rows[0] == {
        "host": "gpu1",
        "runs on": "GPU NVIDIA GeForce GTX 1080 (6.1)",
        "verdict": "native",
        "image": "whisperops/whisper.cpp:cuda12.4.1-61",
        "model": "base.en",
        "server": "http://192.0.2.10:8080",
        "speed": "18.2 x real time",
        "transcript": "and so my fellow americans",
    }
    assert list(rows[0]) == ["host", "runs on", "verdict", "image", "model", "server", "speed", "transcript"]


def test_a_server_that_was_only_planned_has_its_port():
    rows = server_rows(PLAN, FACTS, "gpu1")
    assert [(row["server"], row["speed"], row["transcript"]) for row in rows] == [(8080, "-", "-"), (8081, "-", "-")]


def test_the_deployed_image_is_shown_with_the_beginning_of_its_digest():
    (row, _second) = server_rows(PLAN, FACTS, "gpu1", {"image": "ghcr.io/a/b@sha256:" + "0123456789abcdef" * 4})
    assert row["image"] == "ghcr.io/a/b@sha256:0123456789ab"


def test_a_server_on_the_cpu_runs_on_no_gpu_of_unknown_uuid():
    (row,) = server_rows(CPU_PLAN, {"gpus": [{"uuid": None, "name": "Unknown"}]}, "cpu1")
    assert row["runs on"] == "CPU"


def test_a_host_without_servers_has_one_row():
    (row,) = server_rows({**PLAN, "servers": []}, FACTS, "gpu1")
    assert (row["runs on"], row["server"]) == ("-", None)


@pytest.mark.parametrize(
    ("gpu", "shown"),
    [
        ({"name": "H200", "pci_bus_id": "0A"}, "GPU H200"),
        ({"name": None, "pci_bus_id": "0A"}, "GPU 0A"),
        ({"index": 3}, "GPU 3"),
    ],
)
def test_a_gpu_that_is_not_offered_has_a_row_with_its_problem(gpu, shown):
    row = server_rows(CPU_PLAN, {"unavailable_gpus": [{**gpu, "code": "gpu_lost"}]}, "gpu1")[-1]
    assert row == {
        "host": "gpu1",
        "runs on": shown,
        "verdict": "gpu_lost",
        "image": None,
        "model": None,
        "server": None,
        "speed": None,
        "transcript": "-",
    }


@pytest.mark.parametrize("factor", [None, 0])
def test_without_a_time_there_is_no_speed(factor):
    assert speed({"real_time_factor": factor}) == "-"


def test_what_is_no_plan_is_refused():
    with pytest.raises(AnsibleFilterError, match="server_rows: got str and dict; allowed: the results"):
        server_rows("x", FACTS, "gpu1")


def test_of_several_models_each_server_shows_its_own():
    servers = [{**server, "model": model} for server, model in zip(PLAN["servers"], ["base.en", "tiny"])]
    assert [row["model"] for row in server_rows({**PLAN, "servers": servers}, FACTS, "gpu1")] == ["base.en", "tiny"]
