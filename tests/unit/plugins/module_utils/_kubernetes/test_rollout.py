"""How far the servers of a plan are, and what the run says of those that are not proven."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.rollout import rollout, state, unproven

GROUP = "whisper-cc61-d550"
GATE = {"type": "whisperops.gpu/proven", "status": "False", "reason": "gpu_not_used", "message": "Nothing of it."}


def deployment(updated=2, available=2, total=2, conditions=(), generation=3):
    return {
        "metadata": {"name": GROUP, "generation": generation},
        "spec": {"replicas": 2},
        "status": {
            "observedGeneration": 3,
            "replicas": total,
            "updatedReplicas": updated,
            "availableReplicas": available,
            "conditions": list(conditions),
        },
    }


def pod(name="whisper-1", group=GROUP, phase="Running", conditions=(), **status):
    labels = {"app.kubernetes.io/instance": group}
    status = {"phase": phase, "conditions": list(conditions), **status}
    return {"metadata": {"name": name, "labels": labels}, "status": status}


STOPPED = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
QUOTA = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: small"}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (deployment(), "proven"),
        (deployment(available=1), "waits"),
        (deployment(updated=1, available=2), "waits"),
        # Pods of the earlier definition are still there.
        (deployment(total=3, available=3), "waits"),
        # The controller has not seen the new definition yet: its status is that of the old one.
        (deployment(generation=4), "waits"),
        (deployment(updated=1, available=2, conditions=[STOPPED]), "failed"),
        (deployment(updated=1, conditions=[STOPPED], generation=4), "waits"),
        (None, "missing"),
    ],
)
def test_a_group_is_proven_when_all_its_new_pods_are_available(one, expected):
    assert state(GROUP, one, [])["state"] == expected


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (pod(conditions=[GATE]), "whisper-1: gpu_not_used: Nothing of it."),
        (pod(conditions=[{"type": "Ready", "status": "True"}]), None),
        (pod(), "whisper-1: its server loads the model, or waits for its proof"),
        (pod(phase="Failed", reason="UnexpectedAdmissionError", message="no GPU"), "UnexpectedAdmissionError: no GPU"),
        (
            pod(conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2"}]),
            "whisper-1: Unschedulable: 0/2",
        ),
        (
            pod(containerStatuses=[{"name": "server", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]),
            "whisper-1: ImagePullBackOff: server",
        ),
        (
            pod(initContainerStatuses=[{"name": "model", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]),
            "whisper-1: CrashLoopBackOff: model",
        ),
        (
            pod(containerStatuses=[{"name": "server", "state": {"waiting": {"reason": "PodInitializing"}}}]),
            "its server loads the model",
        ),
    ],
)
def test_a_pod_that_is_not_in_the_service_says_why(one, reason):
    reasons = state(GROUP, deployment(available=1), [one])["reasons"]
    assert (reason is None and reasons == []) or reason in reasons[0]


MISMATCH = {"exitCode": 1, "message": "curl: (18) partial\nmodel_checksum_mismatch: it has another SHA-256\n"}
BACK_OFF = {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container=model"}


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ({"state": {"terminated": MISMATCH}}, "whisper-1: model_checksum_mismatch: it has another SHA-256"),
        (
            {"state": {"waiting": BACK_OFF}, "lastState": {"terminated": MISMATCH}},
            "whisper-1: model_checksum_mismatch: it has another SHA-256",
        ),
        ({"state": {"waiting": BACK_OFF}}, f"whisper-1: CrashLoopBackOff: {BACK_OFF['message']}"),
        # It runs again: what it said before is over.
        (
            {"state": {"running": {}}, "lastState": {"terminated": MISMATCH}},
            "whisper-1: its server loads the model, or waits for its proof",
        ),
    ],
)
def test_the_last_words_of_a_container_are_the_reason(container, reason):
    one = pod(initContainerStatuses=[{"name": "model", **container}])
    assert state(GROUP, deployment(available=1), [one])["reasons"] == [reason]


def test_a_pod_that_is_to_end_is_no_reason():
    leaving = pod(conditions=[{**GATE, "status": "True", "reason": "proven"}])
    leaving["metadata"]["deletionTimestamp"] = "2026-11-30T06:40:00Z"
    assert state(GROUP, deployment(available=1), [leaving])["reasons"] == []


def test_a_full_quota_is_named_first():
    found = state(GROUP, deployment(available=1, conditions=[QUOTA]), [pod()])
    assert found["reasons"][0] == "exceeded quota: small"


class Cluster:
    def __init__(self, *deployments):
        self.deployments, self.slept = list(deployments), []

    def items(self, api_version, kind, **query):
        assert query == {"namespace": "whisper", "label_selector": "app.kubernetes.io/managed-by=whisperops.gpu"}
        if kind == "Pod":
            return iter([pod(conditions=[GATE]), pod("other", "whisper-else")])
        return iter([self.deployments.pop(0) if len(self.deployments) > 1 else self.deployments[0]])

    def wait(self, seconds):
        return rollout(self, "whisper", [GROUP], seconds, self.slept.append)


def test_the_wait_ends_when_all_are_proven():
    cluster = Cluster(deployment(available=0), deployment(available=1), deployment())
    (found,) = cluster.wait(60)
    assert found["state"] == "proven"
    assert cluster.slept == [5, 5]
    assert unproven([found]) is None


def test_the_wait_ends_when_kubernetes_gives_a_group_up():
    cluster = Cluster(deployment(available=1), deployment(updated=1, conditions=[STOPPED]))
    (found,) = cluster.wait(600)
    assert (found["state"], cluster.slept) == ("failed", [5])
    problem = unproven([found])
    assert problem.code == "rollout_unproven"
    assert f"{GROUP}: 1 of 2 servers are new; 2 serve, also earlier ones" in problem.message
    assert "whisper-1: gpu_not_used" in problem.message
    assert "other" not in problem.message


def test_the_wait_ends_with_its_time():
    cluster = Cluster(deployment(available=0))
    assert cluster.wait(12)[0]["state"] == "waits"
    assert cluster.slept == [5, 5, 2]
    assert Cluster(deployment(available=0)).wait(0)[0]["state"] == "waits"


def test_a_deployment_that_is_not_there_is_no_success():
    assert unproven([state(GROUP, None, [])]).code == "rollout_unproven"
