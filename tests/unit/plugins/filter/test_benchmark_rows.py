"""The rows and the sentences that playbooks/benchmark.yml shows."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.filter.benchmark_rows import benchmark_rows
from ansible_collections.whisperops.gpu.plugins.filter.benchmark_summary import benchmark_summary

GPU = {
    "label": "gpu",
    "clip": "medium",
    "clients": 2,
    "audio_seconds": 11.04,
    "median": 0.61,
    "p95": 0.7,
    "minimum": 0.6,
    "maximum": 0.71,
    "throughput": 18.0,
    "gpu_memory_peak_mib": 412,
    "energy_j": 61.2,
}
CPU = {**GPU, "label": "cpu", "gpu_memory_peak_mib": None, "energy_j": None}
SLOWER = {"label": "gpu", "clip": "medium", "clients": 2, "before": 0.55, "now": 0.61, "percent": 12.0}
RESULT = {"runs": [GPU, CPU], "load_seconds": 1.2, "first_answer_seconds": 1.9}


def test_a_run_is_shown_with_what_changed_since_the_earlier_result():
    rows = benchmark_rows(RESULT, [{**SLOWER, "change": "slower"}], "gpu1")
    assert rows[0] == {
        "host": "gpu1",
        "on": "GPU",
        "audio": "11.0 s",
        "clients": 2,
        "median": "0.61 s",
        "p95": "0.7 s",
        "spread": "0.6 to 0.71 s",
        "throughput": "18.0 x real time",
        "gpu memory": "412 MiB",
        "energy": "61.2 J",
        "since before": "slower (12.0 %)",
    }
    assert (rows[1]["on"], rows[1]["gpu memory"], rows[1]["energy"], rows[1]["since before"]) == ("CPU", "-", "-", "-")


@pytest.mark.parametrize("other", [{"label": "cpu"}, {"clip": "long"}, {"clients": 1}])
def test_another_measurement_is_no_earlier_result(other):
    rows = benchmark_rows({"runs": [GPU]}, [{**SLOWER, "change": "slower", **other}], "gpu1")
    assert rows[0]["since before"] == "-"


@pytest.mark.parametrize("make", [lambda result: benchmark_rows(result, [], "gpu1"), benchmark_summary])
@pytest.mark.parametrize("result", ["x", {}])
def test_what_is_no_result_is_refused(make, result):
    with pytest.raises(AnsibleFilterError, match="without runs; allowed: the result of"):
        make(result)


def test_the_sentences_name_the_number_of_servers_with_the_most_throughput():
    tried = [{"servers": 1, "throughput": 18.0}, {"servers": 2, "throughput": 25.3}]
    assert benchmark_summary({**RESULT, "instances_per_gpu": 2, "instances": tried}) == (
        "loads in 1.2 s, first answer after 1.9 s. instances_per_gpu: 2 gives the most throughput (1: 18.0, 2: 25.3)."
    )


@pytest.mark.parametrize(
    ("run", "sentence"),
    [(CPU, "Measured on the CPU, where one server uses all cores."), (GPU, "No numbers of servers were tried.")],
)
def test_the_sentences_say_why_no_number_was_tried(run, sentence):
    said = benchmark_summary({"runs": [run], "load_seconds": 1.2, "first_answer_seconds": None})
    assert said == f"loads in 1.2 s, first answer after - s. {sentence}"
