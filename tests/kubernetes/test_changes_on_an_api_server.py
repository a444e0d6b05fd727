"""Rollout, outdated groups, failed pods, a full quota, two runs at once, and removal, against a real API server."""

from __future__ import annotations

import re
import urllib.error
from concurrent.futures import ThreadPoolExecutor

import pytest
from control_plane import path_of
from sample_cluster import pod as sample_pod
from variables import ALL

pytestmark = pytest.mark.night


def names(cluster, namespace: str, kind: str) -> set[str]:
    path = path_of({"apiVersion": "v1", "kind": kind, "metadata": {"namespace": namespace}})
    return {one["metadata"]["name"] for one in cluster.request("GET", path)["items"]}


def test_removal_takes_what_is_ours_and_nothing_else(play, cluster):
    given = {**ALL, "whisper_kubernetes_namespace": "removed"}
    assert play("admin", **given, whisper_kubernetes_apply=True).returncode == 0
    others = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": "removed"}}
    cluster.request("POST", path_of(others), others)
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "models", "namespace": "removed", "labels": OURS},
        "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    cluster.request("POST", path_of(claim), claim)
    predicted = play("admin", "--check", playbook=REMOVE, **given)
    assert re.search(r"changed=[1-9]", predicted.stdout), predicted.stdout
    assert "whisper" in names(cluster, "removed", "Service")
    done = play("admin", playbook=REMOVE, **given)
    assert done.returncode == 0, done.stdout
    for kind in ("Service", "ServiceAccount"):
        assert names(cluster, "removed", kind) == set()
    assert "whisper-prover" not in names(cluster, "removed-prover", "ConfigMap")
    assert names(cluster, "removed", "ConfigMap") == {"theirs"}
    assert names(cluster, "removed", "PersistentVolumeClaim") == {"models"}
    for path in ("apis/apps/v1/namespaces/removed/deployments", "apis/apps/v1/namespaces/removed-prover/daemonsets"):
        assert cluster.request("GET", f"/{path}")["items"] == []
    again = play("admin", playbook=REMOVE, **given)
    assert re.search(r"changed=0 .* failed=0", again.stdout), again.stdout
    # A claim is protected as long as a pod may use it: a controller would let it go.
    assert play("admin", playbook=REMOVE, whisper_kubernetes_remove_claims=True, **given).returncode == 0
    path = "/api/v1/namespaces/removed/persistentvolumeclaims/models"
    assert cluster.request("GET", path)["metadata"]["deletionTimestamp"]


OURS = {"app.kubernetes.io/managed-by": "whisperops.gpu"}
REMOVE = "playbooks/kubernetes_remove.yml"


def test_a_run_whose_servers_are_not_proven_fails_and_says_so(play, cluster):
    """No controller makes pods here, as if Kubernetes had none to give."""
    given = {**ALL, "whisper_kubernetes_namespace": "unproven", "whisper_kubernetes_apply": True}
    done = play("admin", **given, whisper_kubernetes_wait_seconds=1, whisper_kubernetes_remove_outdated=True)
    assert done.returncode != 0
    assert "rollout_unproven: speech: Not every group is proven." in " ".join(done.stdout.split())
    assert "whisper-cc90-d580: 0 of 8 servers are new" in " ".join(done.stdout.split())


def test_groups_that_are_not_planned_go_only_once_the_others_are_proven(play, cluster):
    given = {**ALL, "whisper_kubernetes_namespace": "changed", "whisper_kubernetes_apply": True}
    assert play("admin", **given).returncode == 0
    deployments = "/apis/apps/v1/namespaces/changed/deployments"
    path = f"{deployments}/whisper-cc90-d580"
    old = cluster.request("GET", path)
    old["metadata"] = {"name": "whisper-old", "labels": {**OURS, "app.kubernetes.io/instance": "whisper-old"}}
    cluster.request("POST", deployments, old)
    shown = play("admin", **given)
    assert "group_outdated: Deployment whisper-old" in " ".join(shown.stdout.split())
    more = {**given, "whisper_kubernetes_remove_outdated": True, "whisper_kubernetes_wait_seconds": 1}
    assert play("admin", **more).returncode != 0
    assert cluster.request("GET", f"{deployments}/whisper-old")
    for one in cluster.request("GET", deployments)["items"]:
        count = one["spec"]["replicas"]
        status = {
            "observedGeneration": one["metadata"]["generation"],
            **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), count),
        }
        path = f"{deployments}/{one['metadata']['name']}/status"
        cluster.request("PATCH", path, {"status": status}, kind="application/merge-patch+json")
    done = play("admin", **more)
    assert done.returncode == 0, done.stdout
    with pytest.raises(urllib.error.HTTPError):
        cluster.request("GET", f"{deployments}/whisper-old")
    assert cluster.request("GET", f"{deployments}/whisper-cc90-d580")


def test_pods_that_have_failed_for_good_are_counted_and_removed(play, cluster):
    given = {**ALL, "whisper_kubernetes_namespace": "rejected", "whisper_kubernetes_apply": True}
    assert play("admin", **given).returncode == 0
    for number in range(3):
        one = sample_pod(f"rejected-{number}", "gtx-1", 1, own=True)
        one["metadata"]["namespace"] = "rejected"
        one["spec"]["containers"][0]["securityContext"] = HARDENED
        one["spec"]["securityContext"] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        one["status"] = {"phase": "Failed", "reason": "UnexpectedAdmissionError", "message": "Allocate failed"}
        cluster.create(one)
    done = play("admin", **given)
    assert done.returncode == 0, done.stdout
    assert "pods_rejected: 3 pods of node gtx-1 have failed (UnexpectedAdmissionError)." in " ".join(
        done.stdout.split()
    )
    assert names(cluster, "rejected", "Pod") == set()


HARDENED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def test_a_full_quota_is_refused_before_anything_is_applied(play, cluster):
    for kind in ("quota", "quota-prover"):
        cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": kind}})
    quota = {"metadata": {"name": "small"}, "spec": {"hard": {"count/services": "0"}}, "status": {}}
    cluster.request("POST", "/api/v1/namespaces/quota/resourcequotas", quota)
    status = {"status": {"hard": {"count/services": "0"}, "used": {"count/services": "0"}}}
    path = "/api/v1/namespaces/quota/resourcequotas/small/status"
    cluster.request("PATCH", path, status, kind="application/merge-patch+json")
    done = play("admin", **ALL, whisper_kubernetes_namespace="quota", whisper_kubernetes_apply=True)
    assert done.returncode != 0
    text = " ".join(done.stdout.replace("\\", "").split())
    assert "kubernetes_object_refused: " in text
    assert "exceeded quota: small" in text
    assert cluster.request("GET", "/apis/apps/v1/namespaces/quota/deployments")["items"] == []


def test_a_second_run_beside_the_first_changes_nothing_of_it(play, cluster):
    given = {**ALL, "whisper_kubernetes_namespace": "twice", "whisper_kubernetes_apply": True}
    with ThreadPoolExecutor(2) as executor:
        runs = [executor.submit(play, "admin", **given) for _run in range(2)]
        results = [run.result() for run in runs]
    assert [one.returncode for one in results] == [0, 0], [one.stdout for one in results]
    again = play("admin", **given)
    assert re.search(r"changed=0 .* failed=0", again.stdout), again.stdout
