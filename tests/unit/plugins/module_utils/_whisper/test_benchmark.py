"""How measurements are made and summed up."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import benchmark

CLIP = benchmark.Clip("medium", b"", 30.0)


class Servers:
    """Answers as soon as as many requests as are expected at once are there."""

    def __init__(self, number, at_once):
        self.asked = [0] * number
        self.lock = threading.Lock()
        self.meeting = threading.Barrier(at_once)

    def ask(self, server):
        with self.lock:
            self.asked[server] += 1
        self.meeting.wait()
        return 0.001


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 2.5), (100, 4), (25, 1.75)])
def test_a_percentile_lies_between_its_neighbours(percent, value):
    assert benchmark.percentile([4, 1, 3, 2], percent) == value


def test_one_value_is_every_percentile():
    assert {benchmark.percentile([7], percent) for percent in (0, 5, 50, 95, 100)} == {7}


def test_all_requests_are_made_and_spread_over_the_servers():
    servers = Servers(2, at_once=4)
    measured = benchmark.measure(servers.ask, servers=2, clients=4, requests=20)
    assert len(measured.seconds) == 20
    # Each round is one request of each client, and client n keeps to server n modulo 2.
    assert servers.asked == [10, 10]


@pytest.mark.parametrize("servers", [1, 2])
def test_as_many_requests_as_clients_are_under_way_at_once(servers):
    asked = Servers(servers, at_once=6)
    assert len(benchmark.measure(asked.ask, servers, clients=6, requests=30).seconds) == 30


def test_a_failed_request_ends_the_run_with_its_error():
    answered = []

    def ask(server):
        if len(answered) == 3:
            raise ConnectionError("no answer")
        answered.append(server)
        return 0.001

    with pytest.raises(ConnectionError, match="no answer"):
        benchmark.measure(ask, servers=1, clients=1, requests=1000)
    assert len(answered) == 3


def test_the_summary_says_how_fast_it_was():
    measured = benchmark.Measured([3.0, 1.0, 2.0], 6.0)
    found = benchmark.summary("gpu", CLIP, 1, measured)
    assert (found["median"], found["p50"], found["minimum"], found["maximum"]) == (2.0, 2.0, 1.0, 3.0)
    # Three times 30 s of audio in 6 s.
    assert found["throughput"] == 15.0
    assert found["rtf"] == pytest.approx(2 / 30, abs=1e-5)
    assert found["seconds"] == [3.0, 1.0, 2.0]
