"""The gateway of a cluster, and what Prometheus and KEDA get of it. That it works, tests/kubernetes/lab shows."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.whisperops.gpu.plugins.plugin_utils._kubernetes import faults

sys.path.insert(0, str(Path(__file__).parent))

from planned_cluster import ROOT, options, planned, rendered

GATEWAY = {"gateway": True}
PROMETHEUS = {"prometheus_url": "http://prometheus.monitoring:9090", **GATEWAY}
SERVERS = {"app.kubernetes.io/name": "whisper-server"}
PODS = {"app.kubernetes.io/name": "whisper-gateway"}


def objects(kind, **given):
    found = [one for file in rendered(**given) for one in file.objects]
    return {one["metadata"]["name"]: one for one in found if one["kind"] == kind}


def pod(**given):
    return objects("Deployment", **GATEWAY, **given)["whisper-gateway"]["spec"]["template"]["spec"]


def test_without_it_the_service_chooses_the_servers():
    assert objects("Service").keys() == {"whisper"}
    assert objects("Service")["whisper"]["spec"]["selector"] == SERVERS
    assert "whisper-gateway" not in objects("Deployment")


def test_clients_reach_the_gateway_by_the_name_that_they_know():
    services = objects("Service", **GATEWAY)
    assert services["whisper"]["spec"]["selector"] == PODS
    assert services["whisper"]["spec"]["ports"][0]["port"] == 8080
    assert services["whisper-servers"]["spec"]["selector"] == SERVERS
    assert services["whisper-servers"]["spec"]["clusterIP"] == "None"


def test_each_service_chooses_pods_of_one_kind():
    deployments = objects("Deployment", **GATEWAY)
    for service in objects("Service", **GATEWAY).values():
        wanted = service["spec"]["selector"].items()
        labels = [one["spec"]["template"]["metadata"]["labels"] for one in deployments.values()]
        chosen = [one for one in labels if wanted <= one.items()]
        assert chosen
        assert len({one["app.kubernetes.io/component"] for one in chosen}) == 1


def test_nobody_goes_past_the_gateway():
    sources = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}]
    policies = objects("NetworkPolicy", sources=sources, **GATEWAY)
    (servers,) = policies["whisper"]["spec"]["ingress"]
    assert {"podSelector": {"matchLabels": PODS}} in servers["from"]
    assert sources[0] not in servers["from"]
    (clients,) = policies["whisper-gateway"]["spec"]["ingress"]
    assert clients == {"from": sources, "ports": [{"port": "http", "protocol": "TCP"}]}


def test_metrics_are_for_those_who_are_named():
    spec = objects("NetworkPolicy", metrics_sources=[{"podSelector": {}}], **GATEWAY)["whisper-gateway"]["spec"]
    assert spec["ingress"][1]["ports"] == [{"port": "metrics", "protocol": "TCP"}]


def test_the_gateway_reaches_name_servers_and_servers_and_nothing_else():
    egress = objects("NetworkPolicy", **GATEWAY)["whisper-gateway"]["spec"]["egress"]
    assert [port["port"] for port in egress[0]["ports"]] == [53, 53]
    assert egress[1:] == [
        {"to": [{"podSelector": {"matchLabels": SERVERS}}], "ports": [{"port": "http", "protocol": "TCP"}]}
    ]


def test_another_configuration_makes_other_pods():
    def annotations(text):
        given = {"gateway_rendered": {"files": {"haproxy.cfg": text}, "stop_seconds": 1980}, **GATEWAY}
        return objects("Deployment", **given)["whisper-gateway"]["spec"]["template"]["metadata"]["annotations"]

    assert annotations("one") == annotations("one")
    assert annotations("one") != annotations("two")


def test_a_pod_that_ends_has_time_for_its_longest_request():
    spec = pod(gateway_rendered={"files": {}, "stop_seconds": 1980})
    assert spec["terminationGracePeriodSeconds"] > 1980
    assert "kill -USR1 1" in spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][-1]


def test_the_pod_is_hardened():
    spec = pod()
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    assert spec["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert spec["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_a_certificate_is_mounted_where_the_configuration_looks():
    spec = pod(gateway_tls_secret="speech-tls")
    assert {"name": "tls", "mountPath": "/etc/whisper/tls", "readOnly": True} in spec["containers"][0]["volumeMounts"]
    assert {"name": "tls", "secret": {"secretName": "speech-tls", "defaultMode": 0o440}} in spec["volumes"]
    assert "tls" not in {one["name"] for one in pod()["volumes"]}


def test_the_pod_has_the_ports_and_places_that_its_configuration_is_rendered_for():
    rendered_for = yaml.safe_load((ROOT / "roles/whisper_kubernetes/tasks/gateway.yml").read_text("utf-8"))[0]["vars"]
    (container,) = pod(gateway_tls_secret="speech-tls")["containers"]
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    assert ports["http"] == rendered_for["whisper_gateway_port"]
    assert ports["metrics"] == rendered_for["whisper_gateway_metrics_port"]
    places = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    assert f"'{places['tls']}/tls.crt'" in rendered_for["whisper_gateway_tls_file"]
    own = yaml.safe_load((ROOT / "roles/whisper_gateway/vars/main.yml").read_text("utf-8"))
    assert places["configuration"] == own["_whisper_gateway_folder"]


def test_monitoring_reads_the_port_of_the_metrics():
    monitor = objects("PodMonitor", monitoring=True, **GATEWAY)["whisper-gateway"]["spec"]
    assert monitor["selector"]["matchLabels"] == PODS
    ports = {one["name"] for one in pod()["containers"][0]["ports"]}
    assert {one["port"] for one in monitor["podMetricsEndpoints"]} <= ports
    assert objects("PodMonitor", **GATEWAY) == {}


def test_each_group_is_scaled_to_its_part_of_the_requests():
    groups = {one["name"]: one["servers"] for one in planned()["groups"]}
    scaled = objects("ScaledObject", **PROMETHEUS)
    assert scaled.keys() == groups.keys()
    for name, one in scaled.items():
        spec = one["spec"]
        assert spec["scaleTargetRef"]["name"] == name
        assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (1, groups[name])
        (trigger,) = spec["triggers"]
        assert trigger["metadata"]["query"].endswith(f" * {groups[name]} / {sum(groups.values())}")
    assert not any(
        "replicas" in one["spec"] for name, one in objects("Deployment", **PROMETHEUS).items() if name in groups
    )


def test_without_prometheus_a_group_has_the_servers_of_the_plan():
    assert objects("ScaledObject", **GATEWAY) == {}
    assert objects("Deployment", **GATEWAY)["whisper-cc90-d580"]["spec"]["replicas"] == 8


def test_a_route_names_its_gateways_and_the_service():
    given = {"route_parents": [{"name": "edge", "namespace": "edge"}], "route_hostnames": ["speech.example.com"]}
    spec = objects("HTTPRoute", **given)["whisper"]["spec"]
    assert spec["parentRefs"] == given["route_parents"]
    assert spec["hostnames"] == ["speech.example.com"]
    assert spec["rules"][0]["backendRefs"] == [{"name": "whisper", "port": 8080}]


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        ({}, set()),
        ({"monitoring": True}, {"podmonitors", "prometheusrules"}),
        ({"prometheus_url": "http://prometheus:9090"}, {"scaledobjects"}),
        ({"route_parents": [{"name": "edge"}]}, {"httproutes"}),
    ],
)
def test_what_is_applied_is_asked_for_and_has_to_be_served(given, kinds):
    chosen = options(apply=True, **GATEWAY, **given)
    optional = {"podmonitors", "prometheusrules", "scaledobjects", "httproutes"}
    assert {one["resource"] for one in faults.access(chosen)} & optional == kinds
    cluster = {"storage_classes": [], "denied": [], "api_groups": ["apps"]}
    told = [one for one in faults.faults(cluster, planned(), chosen) if one.startswith("kubernetes_kind_missing: ")]
    assert len(told) == len(kinds)
    served = {**cluster, "api_groups": ["monitoring.coreos.com", "keda.sh", "gateway.networking.k8s.io"]}
    assert faults.faults(served, planned(), chosen) == []


@pytest.mark.parametrize("given", [{"monitoring": True}, {"prometheus_url": "http://prometheus:9090"}])
def test_nothing_but_the_gateway_has_metrics(given):
    cluster = {"storage_classes": [], "denied": [], "api_groups": []}
    told = faults.faults(cluster, planned(), options(**given))
    assert [one.split(":")[0] for one in told] == ["kubernetes_gateway_needed"]


@pytest.mark.parametrize("gateway", [True, False])
def test_until_clients_are_switched_both_ways_are_open(gateway):
    before = {"gateway": gateway, "switching": True}
    assert "whisper" not in objects("Service", **before)
    (servers,) = objects("NetworkPolicy", **before)["whisper"]["spec"]["ingress"]
    assert {"podSelector": {"matchLabels": PODS}} in servers["from"]
    assert {"podSelector": {}} in servers["from"]
