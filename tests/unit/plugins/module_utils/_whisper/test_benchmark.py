"""How measurements are made and summed up."""

from __future__ import annotations

import threading
import time

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import benchmark

CLIP = benchmark.Clip("medium", b"", 30.0)


class Servers:
    """Each answers one request at a time, as whisper.cpp's server does."""

    def __init__(self, number, seconds):
        self.locks = [threading.Lock() for place in range(number)]
        self.asked = [0] * number
        self.seconds = seconds

    def ask(self, server):
        began = time.monotonic()
        with self.locks[server]:
            self.asked[server] += 1
            time.sleep(self.seconds)
        return time.monotonic() - began


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 2.5), (100, 4), (25, 1.75)])
def test_a_percentile_lies_between_its_neighbours(percent, value):
    assert benchmark.percentile([4, 1, 3, 2], percent) == value


def test_one_value_is_every_percentile():
    assert {benchmark.percentile([7], percent) for percent in (0, 5, 50, 95, 100)} == {7}


def test_all_requests_are_made_and_spread_over_the_servers():
    servers = Servers(2, 0.001)
    measured = benchmark.measure(servers.ask, servers=2, clients=4, requests=20)
    assert len(measured.seconds) == 20
    assert sum(servers.asked) == 20
    assert min(servers.asked) > 0


def test_clients_that_wait_for_one_server_see_the_queue():
    alone = benchmark.measure(Servers(1, 0.02).ask, servers=1, clients=1, requests=5)
    queued = benchmark.measure(Servers(1, 0.02).ask, servers=1, clients=5, requests=25)
    assert max(queued.seconds) > 2 * max(alone.seconds)


def test_two_servers_do_in_the_same_time_what_one_does_in_twice_it():
    one = benchmark.measure(Servers(1, 0.03).ask, servers=1, clients=2, requests=10)
    two = benchmark.measure(Servers(2, 0.03).ask, servers=2, clients=2, requests=10)
    assert two.wall_seconds < 0.75 * one.wall_seconds


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
