"""The readiness gate, and the prover in pods and on nodes."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError

sys.path.insert(0, str(Path(__file__).parent))

from planned_cluster import observed, planned, rendered

LABELS, CLAIM = "whisper-cc61-d550", "whisper-cc80-d580-dra"


def objects(kind, plan=None, **given):
    found = [one for file in rendered(plan, **given) for one in file.objects if one["kind"] == kind]
    return {(one["metadata"].get("namespace"), one["metadata"]["name"]): one for one in found}


def pod(name, plan=None, **given):
    return objects("Deployment", plan, **given)["whisper", name]["spec"]["template"]["spec"]


def on_cpu():
    return planned(cluster={**observed(), "nodes": [one for one in observed()["nodes"] if one["name"] == "cpu-1"]})


def test_every_pod_waits_for_its_proof():
    for (_namespace, name), one in objects("Deployment").items():
        assert one["spec"]["template"]["spec"]["readinessGates"] == [{"conditionType": "whisperops.gpu/proven"}], name
        assert one["spec"]["template"]["metadata"]["annotations"]["whisperops.gpu/verdict"] in ("native", "same_major")


def test_an_update_has_time_for_the_proof():
    def seconds(**given):
        return objects("Deployment", **given)["whisper", LABELS]["spec"]["progressDeadlineSeconds"]

    assert seconds() - seconds(gate=False) == 300


def test_with_a_claim_the_prover_is_in_the_pod_and_has_no_privilege():
    spec = pod(CLAIM)
    server, prover = spec["containers"]
    assert spec["shareProcessNamespace"] is True
    assert prover["securityContext"] == server["securityContext"]
    assert prover["resources"]["claims"] == server["resources"]["claims"] == [{"name": "gpu"}]
    assert prover["env"] == [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]


def test_the_server_does_not_get_the_token_of_the_prover():
    spec = pod(CLAIM)
    assert spec["automountServiceAccountToken"] is False
    server, prover = spec["containers"]
    assert "api" in {mount["name"] for mount in prover["volumeMounts"]}
    assert "api" not in {mount["name"] for mount in server["volumeMounts"] + spec["initContainers"][0]["volumeMounts"]}


def test_on_the_cpu_the_prover_is_in_the_pod_and_sees_nothing_but_the_server():
    spec = pod("whisper-cpu", on_cpu())
    assert [one["name"] for one in spec["containers"]] == ["server", "prover"]
    assert "shareProcessNamespace" not in spec
    assert "claims" not in spec["containers"][1]["resources"]
    assert objects("DaemonSet", on_cpu()) == {}
    assert {name for name, _object in objects("Namespace", on_cpu())} == {None}
    assert len(objects("Namespace", on_cpu())) == 1


def test_with_the_device_plugin_the_prover_is_on_the_nodes_of_these_groups():
    assert [one["name"] for one in pod(LABELS)["containers"]] == ["server"]
    assert "serviceAccountName" not in pod(LABELS)
    (one,) = objects("DaemonSet").values()
    spec = one["spec"]["template"]["spec"]
    assert one["metadata"]["namespace"] == "whisper-prover"
    assert spec["hostPID"] is True
    (container,) = spec["containers"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["DAC_READ_SEARCH", "SYS_PTRACE"]}
    assert "privileged" not in container["securityContext"]
    terms = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    groups = [group for group in planned()["groups"] if group["source"] == "labels"]
    assert terms == [term for group in groups for term in group["affinity"]]


def after(earlier, names, namespace="whisper"):
    """The plan of a cluster without GPUs in which the Deployments of an earlier plan are left."""

    def change(items):
        items["v1 Node"] = [one for one in items["v1 Node"] if one["metadata"]["name"] == "cpu-1"]
        items["apps/v1 Deployment"] = [one for (_namespace, name), one in left.items() if name in names]

    left = objects("Deployment", earlier, namespace=namespace)
    return planned(change)


def test_servers_of_an_earlier_plan_are_proven_until_they_are_removed():
    plan = after(planned(), {LABELS})
    assert [group["name"] for group in plan["groups"]] == ["whisper-cpu"]
    (one,) = objects("DaemonSet", plan).values()
    affinity = one["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
    (group,) = [group for group in planned()["groups"] if group["name"] == LABELS]
    assert affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"] == group["affinity"]
    (binding,) = objects("RoleBinding", plan).values()
    assert {one["namespace"] for one in binding["subjects"]} == {"whisper", "whisper-prover"}
    sources = objects("NetworkPolicy", plan)["whisper", "whisper"]["spec"]["ingress"][0]["from"]
    assert sources[-1]["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "whisper-prover"}}


def test_a_prover_in_pods_of_an_earlier_plan_keeps_its_rights():
    def change(items):
        items["v1 Node"] = [one for one in items["v1 Node"] if one["metadata"]["name"] == "gtx-1"]
        items["apps/v1 Deployment"] = [objects("Deployment")["whisper", CLAIM]]

    plan = planned(change)
    assert [group["name"] for group in plan["groups"]] == [LABELS]
    (binding,) = objects("RoleBinding", plan).values()
    assert {one["namespace"] for one in binding["subjects"]} == {"whisper", "whisper-prover"}
    assert ("whisper", "whisper-prover") in objects("ConfigMap", plan)


def test_for_what_no_prover_has_to_watch_there_is_none():
    assert objects("DaemonSet", after(planned(), {CLAIM})) == {}
    assert objects("DaemonSet", after(planned(), {LABELS}, namespace="other")) == {}
    both = objects(
        "DaemonSet", planned(lambda items: items.update({"apps/v1 Deployment": list(objects("Deployment").values())}))
    )
    assert both == objects("DaemonSet")


def test_the_namespace_of_the_servers_stays_restricted():
    levels = {
        name: one["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for (_none, name), one in objects("Namespace").items()
    }
    assert levels == {"whisper": "restricted", "whisper-prover": "privileged"}


def test_the_prover_may_read_pods_and_logs_and_set_a_status_and_nothing_else():
    (role,) = objects("Role").values()
    (binding,) = objects("RoleBinding").values()
    assert role["metadata"]["namespace"] == "whisper"
    assert {(one["resources"][0], *one["verbs"]) for one in role["rules"]} == {
        ("pods", "list", "watch"),
        ("pods/log", "get"),
        ("pods/status", "patch"),
    }
    accounts = {(one["namespace"], one["name"]) for one in binding["subjects"]}
    assert accounts == set(objects("ServiceAccount")) == {(n, "whisper-prover") for n in ("whisper", "whisper-prover")}
    assert objects("ClusterRole") == {}


def test_the_config_map_holds_the_program_the_audio_and_what_the_proof_is_told():
    found = objects("ConfigMap", whisper_proof_similarity=0.9)
    assert set(found) == {("whisper", "whisper-prover"), ("whisper-prover", "whisper-prover")}
    for one in found.values():
        assert base64.b64decode(one["binaryData"]["prover.pyz"]) == b"the program"
        settings = json.loads(one["data"]["settings.json"])
        assert base64.b64decode(one["binaryData"][settings["audio"]]).startswith(b"RIFF")
        assert (settings["similarity"], settings["interval_seconds"], settings["namespace"]) == (0.9, 900, "whisper")


def test_audio_that_does_not_fit_is_refused(tmp_path):
    path = tmp_path / "long.wav"
    path.write_bytes(bytes(1_100_000))
    with pytest.raises(PlanInputError, match=r"^reference_audio_too_large: .* 1074 KiB"):
        rendered(audio=str(path))


def test_the_prover_of_the_nodes_reaches_the_servers_and_that_of_a_pod_the_api():
    policies = objects("NetworkPolicy")
    sources = policies["whisper", "whisper"]["spec"]["ingress"][0]["from"]
    assert sources[-1]["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "whisper-prover"}}
    spec = policies["whisper", "whisper-prover"]["spec"]
    assert {port["port"] for port in spec["egress"][0]["ports"]} == {443, 6443}
    inside = [
        name
        for (_namespace, name), one in objects("Deployment").items()
        if spec["podSelector"]["matchLabels"].items() <= one["spec"]["template"]["metadata"]["labels"].items()
    ]
    assert inside == [name for name in inside if name.endswith("-dra")] != []


def test_the_service_does_not_choose_the_prover():
    (service,) = objects("Service").values()
    (daemon_set,) = objects("DaemonSet").values()
    labels = daemon_set["spec"]["template"]["metadata"]["labels"]
    assert not service["spec"]["selector"].items() <= labels.items()


def test_a_mirror_and_annotations_for_the_prover():
    given = {
        "prover_image": "mirror.example.com/python:3",
        "prover_annotations": {"cdi.k8s.io/gpu": "nvidia.com/gpu=all"},
    }
    (daemon_set,) = objects("DaemonSet", **given).values()
    template = daemon_set["spec"]["template"]
    assert template["spec"]["containers"][0]["image"] == "mirror.example.com/python:3"
    assert template["metadata"]["annotations"] == {"cdi.k8s.io/gpu": "nvidia.com/gpu=all"}
    assert pod(CLAIM, **given)["containers"][1]["image"] == "mirror.example.com/python:3"


def test_without_the_gate_there_is_no_prover():
    names = {file.name for file in rendered(gate=False)}
    assert "15-prover.yaml" not in names
    assert "readinessGates" not in pod(LABELS, gate=False)
    assert [one["name"] for one in pod(CLAIM, gate=False)["containers"]] == ["server"]
    assert len(objects("Namespace", gate=False)) == 1
