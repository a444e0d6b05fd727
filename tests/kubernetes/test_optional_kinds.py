"""What not every cluster serves: the kinds of the operator of Prometheus, of KEDA and of Gateway API."""

from __future__ import annotations

import re
import time

import pytest
import yaml
from control_plane import PROGRAM, path_of
from variables import ALL

pytestmark = pytest.mark.night
KINDS = {
    "whisper_kubernetes_gateway": True,
    "whisper_gateway_api_keys": [{"name": "newsroom", "key": "an-example-key-of-24-or-more"}],
    "whisper_kubernetes_monitoring": True,
    "whisper_kubernetes_prometheus_url": "http://prometheus.monitoring.svc:9090",
    "whisper_kubernetes_route_parents": [{"name": "edge", "namespace": "edge"}],
    "whisper_kubernetes_route_hostnames": ["speech.example.com"],
}
NAMES = {"PodMonitor", "PrometheusRule", "ScaledObject", "HTTPRoute"}


@pytest.fixture(scope="module")
def defined(cluster):
    """As their projects define them."""
    found = [yaml.safe_load(path.read_text("utf-8")) for path in sorted(PROGRAM.parent.glob("definitions/*.yaml"))]
    assert {one["spec"]["names"]["kind"] for one in found} == NAMES
    for one in found:
        cluster.create(one)
    end = time.monotonic() + 60
    while not all(established(cluster, one) for one in found):
        assert time.monotonic() < end, "the definitions are not served after a minute"
        time.sleep(0.5)


def established(cluster, definition):
    found = cluster.request("GET", f"{path_of(definition)}/{definition['metadata']['name']}")
    return any(
        one["type"] == "Established" and one["status"] == "True" for one in found["status"].get("conditions") or ()
    )


def rendered(directory):
    files = sorted((directory / "kubernetes/speech").iterdir())
    return [one for path in files for one in yaml.safe_load_all(path.read_text("utf-8"))]


def test_a_kind_that_the_cluster_does_not_serve_is_named_before_anything_is_applied(play, cluster):
    done = play("admin", **ALL, **KINDS, whisper_kubernetes_namespace="plain", whisper_kubernetes_apply=True)
    assert done.returncode != 0
    told = re.findall(r"kubernetes_kind_missing: \S+ asks for an object of kind (\w+)", done.stdout)
    assert set(told) == NAMES
    assert "plain" not in {one["metadata"]["name"] for one in cluster.request("GET", "/api/v1/namespaces")["items"]}


def test_files_for_another_to_apply_are_rendered_all_the_same(play, tmp_path):
    done = play("reader", **ALL, **KINDS)
    assert done.returncode == 0, done.stdout
    assert {one["kind"] for one in rendered(tmp_path)} >= NAMES


@pytest.mark.usefixtures("defined")
def test_the_api_knows_every_field_and_a_second_run_changes_nothing(play, cluster, tmp_path):
    given = {**ALL, **KINDS, "whisper_kubernetes_namespace": "edge", "whisper_kubernetes_apply": True}
    first = play("admin", **given)
    assert first.returncode == 0, first.stdout
    again = play("admin", **given)
    assert re.search(r"changed=0 .* failed=0", again.stdout), again.stdout
    for one in rendered(tmp_path):
        if one["kind"] != "Namespace":
            path = path_of(one)
            renamed = {**one, "metadata": {**one["metadata"], "name": f"{one['metadata']['name']}-again"}}
            cluster.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", renamed)


@pytest.mark.usefixtures("defined")
def test_the_gateway_passes_the_strictest_pod_security_standard_and_knows_no_key(play, cluster, tmp_path):
    given = {**ALL, **KINDS, "whisper_kubernetes_namespace": "edge", "whisper_kubernetes_apply": True}
    assert play("admin", **given).returncode == 0
    gateway = next(
        one for one in rendered(tmp_path) if one["kind"] == "Deployment" and "gateway" in one["metadata"]["name"]
    )
    pod = {"apiVersion": "v1", "kind": "Pod", **gateway["spec"]["template"]}
    pod["metadata"]["name"] = "sample"
    cluster.request("POST", "/api/v1/namespaces/edge/pods?dryRun=All&fieldValidation=Strict", pod)
    text = "".join(path.read_text("utf-8") for path in (tmp_path / "kubernetes/speech").iterdir())
    assert "an-example-key" not in text
    assert re.search(r"[0-9a-f]{64} newsroom", text)


@pytest.mark.usefixtures("defined")
def test_all_of_it_is_removed(play, cluster):
    given = {**ALL, **KINDS, "whisper_kubernetes_namespace": "edge", "whisper_kubernetes_apply": True}
    assert play("admin", **given).returncode == 0
    removed = play("admin", **given, playbook="playbooks/kubernetes_remove.yml")
    assert removed.returncode == 0, removed.stdout
    for path in (
        "/apis/apps/v1/namespaces/edge/deployments",
        "/api/v1/namespaces/edge/services",
        "/apis/monitoring.coreos.com/v1/namespaces/edge/podmonitors",
        "/apis/monitoring.coreos.com/v1/namespaces/edge/prometheusrules",
        "/apis/keda.sh/v1alpha1/namespaces/edge/scaledobjects",
        "/apis/gateway.networking.k8s.io/v1/namespaces/edge/httproutes",
    ):
        assert cluster.request("GET", path)["items"] == [], path


def test_a_gateway_without_keys_is_refused(play, tmp_path):
    done = play("reader", **{**ALL, "whisper_kubernetes_gateway": True})
    assert done.returncode != 0
    assert "gateway_open_without_keys: " in done.stdout
    assert not (tmp_path / "kubernetes/speech").exists()
