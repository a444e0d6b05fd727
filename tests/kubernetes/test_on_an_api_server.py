"""The playbook against a real API server: what it reads, what the API says to each object, and what it refuses."""

from __future__ import annotations

import copy
import json
import re
import sys
import urllib.error
from pathlib import Path
from typing import Any

import pytest
import yaml
from control_plane import path_of
from variables import ALL, LOCAL

GROUPS = {
    "whisper-cc61-d550": 3,
    "whisper-cc75-d580": 2,
    "whisper-cc75-d580-dra": 1,
    "whisper-cc80-d580": 10,
    "whisper-cc90-d580": 8,
}
OBJECTS = "kubernetes/speech"


def rendered(directory: Path) -> list[dict[str, Any]]:
    return [one for path in sorted(directory.iterdir()) for one in yaml.safe_load_all(path.read_text("utf-8"))]


def test_every_default_will_do(play, tmp_path):
    done = play("reader")
    assert done.returncode == 0, done.stdout
    deployments = {one["metadata"]["name"] for one in rendered(tmp_path / OBJECTS) if one["kind"] == "Deployment"}
    assert "whisper-cc90-d580" in deployments
    assert "image_not_in_registry: " in done.stdout


def test_a_user_who_may_only_read_gets_the_plan(play, tmp_path):
    done = play("reader", whisper_kubernetes_images=LOCAL)
    assert done.returncode == 0, done.stdout
    deployments = [one for one in rendered(tmp_path / OBJECTS) if one["kind"] == "Deployment"]
    assert "may not" not in done.stdout
    found = {one["metadata"]["name"]: one["spec"]["replicas"] for one in deployments}
    assert found.items() >= GROUPS.items(), found
    for code in (
        "gpu_feature_discovery_missing",
        "device_plugin_missing",
        "node_mixed_gpus",
        "node_cordoned",
        "node_not_ready",
        "node_tainted",
        "node_gpus_in_use",
        "plan_impossible",
        "gpu_unhealthy",
    ):
        assert f"{code}: " in done.stdout


def test_the_plan_of_a_cluster_is_shown_without_objects(play, tmp_path):
    done = play("reader", playbook="playbooks/plan.yml", whisper_kubernetes_images=LOCAL)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^speech +whisper-cc90-d580 +1 +NVIDIA-H100\S+ +9\.0 ", done.stdout, re.MULTILINE), done.stdout
    assert not (tmp_path / OBJECTS).exists()


@pytest.mark.night
def test_objects_are_predicted_then_applied_and_then_stay(play, cluster, tmp_path):
    given = {**ALL, "whisper_kubernetes_namespace": "speech", "whisper_kubernetes_apply": True}
    predicted = play("admin", "--check", **given)
    assert predicted.returncode == 0, predicted.stdout
    with pytest.raises(urllib.error.HTTPError):
        cluster.request("GET", "/api/v1/namespaces/speech")
    first = play("admin", **given)
    assert first.returncode == 0, first.stdout
    assert re.search(r"changed=[1-9]", first.stdout)
    for checked in ((), ("--check",)):
        again = play("admin", *checked, **given)
        assert re.search(r"changed=0 .* failed=0", again.stdout), again.stdout
    for one in rendered(tmp_path / OBJECTS):
        path = _path(one)
        managers = {m["manager"] for m in cluster.request("GET", path)["metadata"]["managedFields"]}
        assert "whisperops.gpu" in managers, path


def _path(thing: dict[str, Any]) -> str:
    return f"{path_of(thing)}/{thing['metadata']['name']}"


def test_pods_pass_the_strictest_pod_security_standard(play, cluster, tmp_path):
    assert play("admin", **ALL, whisper_kubernetes_namespace="secure").returncode == 0
    objects = rendered(tmp_path / OBJECTS)
    namespace = next(one for one in objects if (one["kind"], one["metadata"]["name"]) == ("Namespace", "secure"))
    cluster.request("POST", "/api/v1/namespaces", namespace)
    deployments = [one for one in objects if one["kind"] == "Deployment"]
    assert deployments
    for one in deployments:
        template = one["spec"]["template"]
        pod = {"apiVersion": "v1", "kind": "Pod", **copy.deepcopy(template)}
        pod["metadata"]["name"] = "sample"
        # DRA makes the claim of a template in a controller, and there is none here.
        cluster.request("POST", "/api/v1/namespaces/secure/pods?dryRun=All&fieldValidation=Strict", pod)
        del pod["spec"]["containers"][-1]["securityContext"]["capabilities"]
        with pytest.raises(urllib.error.HTTPError) as refused:
            cluster.request("POST", "/api/v1/namespaces/secure/pods?dryRun=All", pod)
        assert "restricted" in json.loads(refused.value.read())["message"]


def test_the_api_knows_every_field_of_every_object(play, cluster, tmp_path):
    given = {**ALL, "whisper_kubernetes_model_storage": "new_claim", "whisper_kubernetes_storage_class": ""}
    cluster.create(STORAGE_CLASS)
    try:
        assert play("admin", **given, whisper_kubernetes_namespace="fields").returncode == 0
    finally:
        cluster.request("DELETE", "/apis/storage.k8s.io/v1/storageclasses/shared")
    for name in ("fields", "fields-prover"):
        cluster.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    objects = rendered(tmp_path / OBJECTS)
    assert {one["kind"] for one in objects} == {
        *("Namespace", "PersistentVolumeClaim", "Service", "NetworkPolicy", "Ingress"),
        *("Deployment", "PodDisruptionBudget", "ResourceClaimTemplate"),
        *("ConfigMap", "DaemonSet", "Role", "RoleBinding", "ServiceAccount"),
    }
    for one in objects:
        if one["kind"] != "Namespace":
            path, _slash, _name = _path(one).rpartition("/")
            cluster.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", one)


def test_what_the_user_may_not_see_is_said(play):
    done = play("narrow", whisper_kubernetes_images=LOCAL)
    assert done.returncode == 0, done.stdout
    for resource in ("pods", "resourceslices", "storageclasses", "deployments"):
        assert f'cannot list resource "{resource}"' in done.stdout.replace("\\", "")


@pytest.mark.parametrize(
    "case",
    [
        ("nobody", {}, "kubernetes_access_denied: nodes is forbidden"),
        (
            "reader",
            {"whisper_kubernetes_apply": True},
            "kubernetes_access_denied: The user of the kubeconfig may not get namespaces, create namespaces",
        ),
        ("reader", {"whisper_kubernetes_kubeconfig": "/nowhere.conf"}, "kubeconfig_invalid: "),
        ("reader", {"whisper_kubernetes_context": "other"}, "kubeconfig_invalid: "),
        ("reader", {"whisper_kubernetes_model_storage": "new_claim"}, "storage_class_missing: "),
        ("reader", {"whisper_policy": {"min_driver": "999"}}, "no_node_fits: "),
    ],
)
def test_bad_input_is_refused_with_its_code(play, cluster, tmp_path, case):
    user, variables, code = case
    done = play(user, **{"whisper_kubernetes_namespace": "untouched", **variables})
    assert done.returncode != 0
    assert code in " ".join(done.stdout.split())
    assert not (tmp_path / OBJECTS).exists()
    with pytest.raises(urllib.error.HTTPError):
        cluster.request("GET", "/api/v1/namespaces/untouched")


def test_a_wrong_token_and_a_server_that_is_not_there(play, cluster, tmp_path):
    content = json.loads(cluster.kubeconfig("reader").read_text("utf-8"))
    for change, code in (
        (("user", "token", "wrong"), "kubernetes_unauthorized: "),
        (("cluster", "server", "https://127.0.0.1:1"), "kubernetes_unreachable: "),
    ):
        part, key, value = change
        changed = copy.deepcopy(content)
        changed[f"{part}s"][0][part][key] = value
        path = tmp_path / f"{part}.conf"
        path.write_text(json.dumps(changed), "utf-8")
        done = play("reader", whisper_kubernetes_kubeconfig=str(path))
        assert code in done.stdout


BUILDS = {"whisper_kubernetes_build_host": "builder", "whisper_kubernetes_registry": "registry.example.com/speech/"}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({**BUILDS, "whisper_kubernetes_registry": ""}, "kubernetes_registry_missing"),
        ({**BUILDS, "whisper_kubernetes_build_host": "nobody"}, "build_host_unknown"),
        (BUILDS, "docker_unreachable"),
    ],
)
def test_without_its_images_a_cluster_is_left_as_it_is(play, tmp_path, given, code):
    # Whether this machine has an engine, or not.
    environment = {"DOCKER_HOST": "unix:///nowhere.sock"}
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    builder = ("--inventory", "builder,", "--extra-vars", json.dumps(local))
    given = {**given, "whisper_kubernetes_apply": True, "whisper_kubernetes_namespace": "unbuilt"}
    done = play("admin", *builder, environment=environment, **given)
    assert done.returncode != 0
    assert f"{code}: " in done.stdout, done.stdout
    assert not (tmp_path / OBJECTS).exists()


def test_a_build_host_outside_the_run_leaves_the_cluster_as_it_is(play, tmp_path):
    done = play("admin", "--inventory", "builder,", "--limit", "speech", **BUILDS, whisper_kubernetes_apply=True)
    assert done.returncode != 0
    assert "image_not_built: " in done.stdout, done.stdout
    assert not (tmp_path / OBJECTS).exists()


def test_what_would_be_built_is_planned_without_building(play):
    done = play("reader", playbook="playbooks/plan.yml", **BUILDS)
    assert done.returncode == 0, done.stdout
    assert "registry.example.com/speech/whisperops/whisper.cpp:cuda12.4.1-61" in done.stdout
    assert "image_not_in_registry" not in done.stdout


@pytest.mark.night
def test_a_field_that_somebody_else_has_changed_is_not_taken_unasked(play, cluster):
    given = {**ALL, "whisper_kubernetes_namespace": "shared", "whisper_kubernetes_apply": True}
    assert play("admin", **given).returncode == 0
    path = "/apis/apps/v1/namespaces/shared/deployments/whisper-cc90-d580"
    by_hand = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 1}}
    cluster.request("PATCH", f"{path}?fieldManager=by-hand&force=true", by_hand, kind="application/apply-patch+yaml")
    refused = play("admin", **given)
    assert refused.returncode != 0
    assert "kubernetes_object_refused: " in refused.stdout
    assert "by-hand" in refused.stdout
    assert cluster.request("GET", path)["spec"]["replicas"] == 1
    assert play("admin", **given, whisper_kubernetes_force=True).returncode == 0
    assert cluster.request("GET", path)["spec"]["replicas"] == 8


STORAGE_CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "shared", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": "example.com/none",
}


def test_the_playbook_of_compose_renders_the_plan_of_a_host(play, tmp_path):
    done = play(
        "nobody",
        *("--extra-vars", "whisper_hosts=speech", "--extra-vars", "ansible_connection=local"),
        playbook="playbooks/compose.yml",
        ansible_python_interpreter=sys.executable,
        whisper_policy={"allow_cpu": "always"},
        whisper_compose_image="registry.example.com/whisper.cpp:cpu",
    )
    assert done.returncode == 0, done.stdout
    content = yaml.safe_load((tmp_path / "compose" / "speech" / "compose.yaml").read_text("utf-8"))
    assert set(content["services"]) == {"model", "server-0"}
    units = {path.name for path in (tmp_path / "compose" / "speech" / "quadlet").iterdir()}
    assert units == {"whisper-models.volume", "whisper-model.container", "whisper-server-0.container"}
