"""The prover's part of the API: its rights, its watch, and the condition that it sets. What it proves is stubbed."""

from __future__ import annotations

import copy
import json
import threading
import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml
from ansible_collections.whisperops.gpu.plugins.module_utils._prover.cluster import Cluster, RefusedError
from ansible_collections.whisperops.gpu.plugins.module_utils._prover.verdict import Verdict
from ansible_collections.whisperops.gpu.plugins.module_utils._prover.watch import Watch

NAMESPACE = "proofs"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
GATE = "whisperops.gpu/proven"
LABELS = "app.kubernetes.io/name=whisper-server"


@pytest.fixture(scope="module")
def objects(play_once) -> list[dict[str, Any]]:
    play, directory = play_once
    given = {"whisper_kubernetes_namespace": NAMESPACE, "whisper_kubernetes_apply": True}
    done = play("admin", **given)
    assert done.returncode == 0, done.stdout
    paths = sorted((directory / "kubernetes" / "speech").iterdir())
    return [one for path in paths for one in yaml.safe_load_all(path.read_text("utf-8"))]


@pytest.fixture
def pod(cluster, objects) -> dict[str, Any]:
    """A pod of the namespace, as a kubelet reports it."""
    deployments = [one for one in objects if one["kind"] == "Deployment" and "dra" not in one["metadata"]["name"]]
    one = {"apiVersion": "v1", "kind": "Pod", **copy.deepcopy(deployments[0]["spec"]["template"])}
    one["metadata"] |= {"name": "sample", "namespace": NAMESPACE}
    server = {
        "name": "server",
        "image": "registry.example.com/whisper:1",
        "imageID": "",
        "ready": True,
        "restartCount": 0,
        "containerID": "containerd://" + "a" * 64,
        "state": {"running": {}},
    }
    ready = {"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady"}
    one["status"] = {"phase": "Running", "podIP": "10.0.0.7", "containerStatuses": [server], "conditions": [ready]}
    cluster.create(one)
    yield one
    cluster.request("DELETE", f"{PODS}/sample?gracePeriodSeconds=0")


@pytest.fixture
def connected(cluster, objects, tmp_path, monkeypatch) -> Cluster:
    """With the token of the prover's own account."""
    path = f"/api/v1/namespaces/{NAMESPACE}-prover/serviceaccounts/whisper-prover/token"
    answer = cluster.request(
        "POST", path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    )
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text(answer["status"]["token"], "ascii")
    (account / "ca.crt").write_bytes((cluster.directory / "certificates" / "apiserver.crt").read_bytes())
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(cluster.port))
    return Cluster(NAMESPACE, "metadata.name=sample", LABELS, str(account))


def test_the_condition_of_a_pod_is_set_and_others_stay(cluster, connected, pod):
    found = Verdict(False, "gpu_not_used", "The server transcribes, and the GPU shows nothing of it.")
    with ThreadPoolExecutor(1) as executor:
        watch = Watch(lambda _pod: found, connected.set_condition, 900, executor)
        for _look in range(20):
            pods, _version = connected.pods()
            watch.look(pods)
            time.sleep(0.1)
    status = cluster.request("GET", f"{PODS}/sample")["status"]
    conditions = {one["type"]: one for one in status["conditions"]}
    assert set(conditions) == {"Ready", GATE}
    assert (conditions[GATE]["status"], conditions[GATE]["reason"]) == ("False", "gpu_not_used")
    assert conditions[GATE]["message"] == found.message
    assert status["containerStatuses"][0]["ready"] is True


def test_the_wait_ends_when_the_pod_changes(cluster, connected, pod):
    _pods, version = connected.pods()
    label = {"metadata": {"labels": {"changed": "yes"}}}

    def change() -> None:
        cluster.request("PATCH", f"{PODS}/sample", label, kind="application/merge-patch+json")

    threading.Timer(1, change).start()
    began = time.monotonic()
    connected.wait_for_change(version, 30)
    assert 0.5 < time.monotonic() - began < 15
    began = time.monotonic()
    connected.wait_for_change(connected.pods()[1], 2)
    assert 1 < time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", f"{PODS}/sample", None),
        ("PATCH", f"{PODS}/sample", {"metadata": {"labels": {"changed": "yes"}}}),
        ("GET", "/api/v1/pods", None),
        ("GET", f"/api/v1/namespaces/{NAMESPACE}/secrets", None),
        ("PATCH", "/api/v1/namespaces/default/pods/training-1/status", {"status": {}}),
        ("GET", "/api/v1/nodes", None),
    ],
)
def test_the_prover_may_do_nothing_else(connected, pod, method, path, body):
    with pytest.raises(RefusedError) as refused:
        connected._asked(method, path, {}, body)
    assert refused.value.status == 403


def test_the_daemon_set_passes_only_in_a_namespace_of_its_own(cluster, objects):
    (one,) = [one for one in objects if one["kind"] == "DaemonSet"]
    assert one["metadata"]["namespace"] == f"{NAMESPACE}-prover"
    sample = {"apiVersion": "v1", "kind": "Pod", **copy.deepcopy(one["spec"]["template"])}
    sample["metadata"]["name"] = "sample"
    cluster.request("POST", f"/api/v1/namespaces/{NAMESPACE}-prover/pods?dryRun=All&fieldValidation=Strict", sample)
    with pytest.raises(urllib.error.HTTPError) as refused:
        cluster.request("POST", f"{PODS}?dryRun=All", sample)
    message = json.loads(refused.value.read())["message"]
    assert "restricted" in message
    assert "hostPID" in message


def test_the_config_map_is_small_enough(cluster, objects):
    for one in objects:
        if one["kind"] == "ConfigMap":
            found = cluster.request(
                "GET", f"/api/v1/namespaces/{one['metadata']['namespace']}/configmaps/whisper-prover"
            )
            assert set(found["binaryData"]) == {"jfk.wav", "prover.pyz"}
            assert found["binaryData"] == one["binaryData"]
