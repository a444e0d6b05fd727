"""What counts as slower."""

from __future__ import annotations

import statistics

import pytest
from ansible_collections.whisperops.gpu.plugins.plugin_utils._report.benchmark_comparison import compare


def result(seconds, **changed):
    run = {"label": "gpu", "clip": "medium", "audio_seconds": 30, "clients": 1, "seconds": seconds}
    return {"runs": [{**run, "median": statistics.median(seconds), **changed}]}


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        ([1.0, 1.1, 1.2, 1.1, 1.0], [1.5, 1.6, 1.5, 1.4, 1.5], "slower"),
        ([1.5, 1.6, 1.5, 1.4, 1.5], [1.0, 1.1, 1.2, 1.1, 1.0], "faster"),
        ([1.0, 1.1, 1.2, 1.1, 1.0], [1.05, 1.15, 1.2, 1.1, 1.1], "within the spread"),
        # One slow request is no slower server.
        ([1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0, 9.0], "within the spread"),
        ([1.0, 1.0], [9.0, 9.0], "too few requests to tell"),
    ],
)
def test_only_what_is_beyond_the_spread_is_a_change(before, now, change):
    assert [row["change"] for row in compare(result(now), result(before))] == [change]


def test_by_how_much():
    row = compare(result([1.5, 1.5, 1.5]), result([1.0, 1.0, 1.0]))[0]
    assert (row["before"], row["now"], row["percent"]) == (1.0, 1.5, 50.0)


@pytest.mark.parametrize("other", [{"label": "cpu"}, {"clip": "long"}, {"clients": 2}, {"audio_seconds": 60}])
def test_runs_of_something_else_are_not_compared(other):
    assert compare(result([1.0] * 3), result([1.0] * 3, **other)) == []


def test_the_same_result_is_within_its_own_spread():
    same = result([1.0, 2.0, 3.0])
    assert [row["change"] for row in compare(same, same)] == ["within the spread"]


ODD = [None, "x", [], {}, True, 10**400, float("nan"), float("inf"), [[]]]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("key", ["label", "clip", "audio_seconds", "clients", "median", "seconds"])
def test_a_run_of_another_form_has_no_row_and_costs_the_others_none(key, odd):
    sound = result([1.0] * 3)
    mixed = {"runs": [{**sound["runs"][0], key: odd}, odd, *sound["runs"]]}
    for row in (compare(mixed, sound)[-1], compare(sound, mixed)[-1]):
        assert (row["label"], row["percent"]) == ("gpu", 0.0)


@pytest.mark.parametrize("runs", ODD, ids=range(len(ODD)))
def test_results_without_runs_have_no_rows(runs):
    assert compare({"runs": runs}, result([1.0] * 3)) == []


def test_a_median_of_nothing_is_no_division():
    assert compare(result([1.0] * 3), result([1.0] * 3, median=0)) == []
