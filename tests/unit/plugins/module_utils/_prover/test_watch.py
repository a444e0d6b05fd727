"""When a pod is proven, and when its gate opens and closes."""

from __future__ import annotations

import sys
from concurrent.futures import Future
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._prover.verdict import Verdict
from ansible_collections.whisperops.gpu.plugins.module_utils._prover.watch import Watch

sys.path.insert(0, str(Path(__file__).parent))

from sample_pods import GATE, GPU, pod

PROVEN = Verdict(True, "proven", "The reference audio was transcribed.")
CONTRARY = Verdict(False, "gpu_not_used", "The GPU shows nothing of it.")
UNDECIDED = Verdict(False, "gpu_proof_missing", "Nothing can be learned.", decisive=False)


class AtOnce:
    """An executor that finishes before the next look."""

    def submit(self, function, *arguments):
        done = Future()
        done.set_result(function(*arguments))
        return done


class Cluster:
    """One pod, whose condition is what was last written."""

    def __init__(self, *verdicts, fails=False, **given):
        self.verdicts, self.given, self.fails = list(verdicts), given, fails
        self.now, self.asked, self.written = 1000.0, [], []
        self.watch = Watch(self._prove, self._put, 900, AtOnce(), lambda: self.now)

    def _prove(self, one):
        self.asked.append(one.container)
        return self.verdicts.pop(0) if len(self.verdicts) > 1 else self.verdicts[0]

    def _put(self, name, condition):
        if self.fails:
            raise OSError("the pod is gone")
        self.written.append(condition)
        self.given["condition"] = condition

    def look(self, times=1, **changed):
        self.given.update(changed)
        for _time in range(times):
            self.watch.look([pod(**self.given)])

    @property
    def statuses(self):
        return [(one["status"], one["reason"]) for one in self.written]


def test_a_pod_whose_server_is_ready_is_proven_once():
    cluster = Cluster(PROVEN)
    cluster.look(5)
    assert cluster.statuses == [("True", "proven")]
    assert cluster.written[0]["type"] == GATE
    assert len(cluster.asked) == 1


def test_a_server_that_loads_its_model_is_left_alone():
    cluster = Cluster(PROVEN, ready=False)
    cluster.look(3)
    assert not cluster.asked
    cluster.look(2, ready=True)
    assert cluster.statuses == [("True", "proven")]


def test_it_is_proven_again_after_the_interval():
    cluster = Cluster(PROVEN)
    cluster.look(3)
    cluster.now += 899
    cluster.look(2)
    assert len(cluster.asked) == 1
    cluster.now += 1
    cluster.look(2)
    assert len(cluster.asked) == 2


def test_the_contrary_closes_the_gate_at_once_and_is_looked_into_again_soon():
    cluster = Cluster(PROVEN, CONTRARY, PROVEN)
    cluster.look(2)
    cluster.now += 900
    cluster.look(2)
    assert cluster.statuses[-1] == ("False", "gpu_not_used")
    cluster.now += 15
    cluster.look(2)
    assert cluster.statuses[-1] == ("True", "proven")


def test_one_proof_that_shows_nothing_does_not_close_the_gate_and_three_do():
    cluster = Cluster(PROVEN, UNDECIDED)
    cluster.look(2)
    cluster.now += 900
    for _proof in range(2):
        cluster.look(2)
        cluster.now += 240
    assert cluster.statuses == [("True", "proven")]
    cluster.look(2)
    assert cluster.statuses[-1] == ("False", "gpu_proof_missing")


def test_a_proof_that_shows_nothing_does_not_open_the_gate():
    cluster = Cluster(UNDECIDED)
    cluster.look(2)
    assert cluster.statuses == [("False", "gpu_proof_missing")]


def test_a_server_that_has_started_again_has_no_proof_until_it_is_proven_again():
    cluster = Cluster(PROVEN)
    cluster.look(2)
    cluster.look(container="b" * 64, ready=False)
    assert cluster.statuses[-1] == ("False", "proof_outdated")
    cluster.look(2, ready=True)
    assert cluster.statuses[-1] == ("True", "proven")
    assert cluster.asked == ["a" * 64, "b" * 64]


def test_a_device_that_the_api_calls_unhealthy_closes_the_gate_once():
    cluster = Cluster(PROVEN)
    cluster.look(2)
    cluster.look(3, devices=[(GPU, "Unhealthy")])
    assert cluster.statuses[1:] == [("False", "gpu_unhealthy")]
    assert GPU in cluster.written[-1]["message"]
    cluster.look(2, devices=[(GPU, "Healthy")])
    assert cluster.statuses[-1] == ("True", "proven")


def test_what_was_being_proven_when_the_device_failed_does_not_open_the_gate():
    running = []

    class Later(AtOnce):
        def submit(self, function, *arguments):
            running.append((Future(), function, arguments))
            return running[-1][0]

    cluster = Cluster(PROVEN)
    cluster.watch = Watch(cluster._prove, cluster._put, 900, Later(), lambda: cluster.now)
    cluster.look()
    cluster.look(devices=[(GPU, "Unhealthy")])
    running[0][0].set_result(PROVEN)
    cluster.look(2)
    assert cluster.statuses == [("False", "gpu_unhealthy")]


def test_the_time_of_a_condition_stays_while_its_status_stays():
    cluster = Cluster(CONTRARY)
    cluster.look(2)
    first = cluster.written[-1]["lastTransitionTime"]
    cluster.now += 300
    cluster.look(2)
    assert cluster.written[-1]["lastTransitionTime"] == first != cluster.written[-1]["lastProbeTime"]


def test_a_condition_that_the_api_does_not_take_is_written_again_soon():
    cluster = Cluster(PROVEN, fails=True)
    cluster.look(2)
    cluster.fails = False
    cluster.now += 15
    cluster.look(2)
    assert cluster.statuses == [("True", "proven")]


@pytest.mark.parametrize("change", ["gate", "end", "phase"])
def test_pods_without_the_gate_and_pods_that_end_are_left_alone(change):
    one = pod()
    if change == "gate":
        one["spec"]["readinessGates"] = []
    elif change == "end":
        one["metadata"]["deletionTimestamp"] = "2026-11-29T10:00:00Z"
    else:
        one["status"]["phase"] = "Failed"
    cluster = Cluster(PROVEN)
    cluster.watch.look([one])
    assert not cluster.asked
    assert not cluster.watch.proofs_run
