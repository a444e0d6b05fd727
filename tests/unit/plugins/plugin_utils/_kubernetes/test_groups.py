"""Groups of a cluster: one for each compute capability, driver branch and image. Each node left out has its reason."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.plugin_utils._kubernetes import groups
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError

sys.path.insert(0, str(Path(__file__).parent))

from planned_cluster import IMAGE, PULLED, group, left_out, observed, planned


def servers(**arguments):
    return {one["name"]: one["servers"] for one in planned(**arguments)["groups"]}


def test_each_kind_of_gpu_is_a_group_with_a_server_for_each_free_device():
    assert servers() == {
        "whisper-cc61-d550": 3,
        "whisper-cc75-d580": 2,
        "whisper-cc75-d580-dra": 1,
        "whisper-cc80-d580": 10,
        "whisper-cc80-d580-dra": 1,
        "whisper-cc80-d580-mig-1g-5gb": 7,
        "whisper-cc89-d580": 4,
        "whisper-cc90-d580": 8,
    }


def test_each_node_is_in_a_group_or_left_out_with_a_code():
    cluster, plan = observed(), planned()
    served = {name for one in plan["groups"] for name in one["nodes"]}
    out = {one["node"]: one["code"] for one in plan["left_out"]}
    assert served | set(out) == {node["name"] for node in cluster["nodes"]}
    assert served & set(out) == set()
    assert out == {
        "a100-cordoned": "node_cordoned",
        "a100-lost": "node_not_ready",
        "a100-team": "node_tainted",
        "bare-1": "gpu_feature_discovery_missing",
        "control-1": "no_gpu",
        "cpu-1": "no_gpu",
        "gtx-busy": "node_gpus_in_use",
        "k80-1": "plan_impossible",
        "mixed-1": "node_mixed_gpus",
        "no-plugin": "device_plugin_missing",
    }


def test_a_node_whose_device_plugin_has_died_is_not_said_to_be_busy():
    """The kubelet then offers none of the devices that it has counted."""

    def change(items):
        for node in items["v1 Node"]:
            if node["metadata"]["name"] == "gtx-1":
                node["status"]["allocatable"]["nvidia.com/gpu"] = "0"

    out = left_out(change=change)["gtx-1"]
    assert out["code"] == "gpu_unhealthy"
    assert "Node gtx-1 has 2 unhealthy nvidia.com/gpu." in out["reason"]


def test_a_taint_that_is_tolerated_keeps_no_node_out():
    tolerated = [{"key": "team", "operator": "Equal", "value": "vision"}]
    assert "a100-team" not in left_out(tolerations=tolerated)
    assert servers(tolerations=tolerated)["whisper-cc80-d580"] == 18
    assert planned(tolerations=tolerated)["tolerations"][1:] == tolerated


@pytest.mark.parametrize(
    "toleration",
    [
        {"key": "team", "value": "audio"},
        {"key": "team", "operator": "Exists", "effect": "NoExecute"},
        {"key": "other", "operator": "Exists"},
    ],
)
def test_a_toleration_of_something_else_keeps_the_node_out(toleration):
    assert left_out(tolerations=[toleration])["a100-team"]["code"] == "node_tainted"


def test_an_image_that_is_built_locally_is_pulled_under_the_name_of_the_operator():
    assert group("whisper-cc61-d550")["image"] == PULLED
    out = left_out(images={})
    assert {out[node]["code"] for node in ("gtx-1", "gtx-2")} == {"image_not_in_registry"}
    assert IMAGE in out["gtx-1"]["reason"]


def test_an_official_image_may_be_replaced_too():
    official = group("whisper-cc90-d580")["image"]
    assert group("whisper-cc90-d580", images={official: "mirror.example.com/w@sha256:1"})["image"] == (
        "mirror.example.com/w@sha256:1"
    )


def test_a_limit_leaves_gpus_free():
    one = group("whisper-cc90-d580", max_servers=5)
    assert (one["servers"], one["devices"]) == (5, 8)


def test_nodes_without_a_gpu_serve_only_if_asked_or_if_no_node_has_one():
    assert "whisper-cpu" not in servers()
    local = {"whisperops/whisper.cpp:cpu": "registry.example.com/whisper.cpp:cpu"}
    assert servers(policy={"allow_cpu": "always"}, images=local)["whisper-cpu"] == 1

    def without_gpus(items):
        items["v1 Node"] = [one for one in items["v1 Node"] if one["metadata"]["name"] in ("cpu-1", "control-1")]
        items["resource.k8s.io/v1 ResourceSlice"] = []

    assert servers(change=without_gpus, images=local) == {"whisper-cpu": 1}
    assert left_out(change=without_gpus)["control-1"]["code"] == "node_tainted"
    assert servers(change=without_gpus, policy={"allow_cpu": "never"}) == {}


def test_keys_of_the_policy_that_have_no_meaning_for_pods_change_nothing():
    given = {"instances_per_gpu": 3, "first_port": 9000, "gpus": ["GPU-1"]}
    assert planned(policy=given)["groups"] == planned()["groups"]


def test_a_policy_that_is_wrong_is_refused():
    with pytest.raises(PlanInputError):
        planned(policy={"modell": "small"})


def test_two_models_of_one_kind_of_gpu_are_two_groups():
    def smaller(items):
        for node in items["v1 Node"]:
            if node["metadata"]["name"] == "t4-old":
                node["metadata"]["labels"]["nvidia.com/gpu.memory"] = "3000"

    found = servers(change=smaller, policy={"model": "auto"})
    assert [name for name in found if name.startswith("whisper-cc75-d580-") and "dra" not in name] == [
        "whisper-cc75-d580-large-v3-turbo",
        "whisper-cc75-d580-small",
    ]


def test_the_same_cluster_gives_the_same_plan_in_any_order_of_its_nodes():
    cluster = observed()
    turned = {**copy.deepcopy(cluster), "nodes": cluster["nodes"][::-1]}
    assert planned(cluster=turned)["groups"] == planned(cluster=cluster)["groups"]


def terms(name, **arguments):
    found = group(name, **arguments)["affinity"]
    return [{one["key"]: (one["operator"], one["values"]) for one in term["matchExpressions"]} for term in found]


def test_pods_find_their_nodes_by_labels_that_were_seen():
    assert terms("whisper-cc61-d550") == [
        {
            "kubernetes.io/arch": ("In", ["amd64"]),
            "nvidia.com/gpu.compute.major": ("In", ["6"]),
            "nvidia.com/gpu.compute.minor": ("In", ["1"]),
            "nvidia.com/gpu.product": ("In", ["NVIDIA-GeForce-GTX-1080"]),
            "nvidia.com/cuda.driver-version.major": ("In", ["550"]),
        }
    ]


def test_each_spelling_of_the_driver_has_a_term():
    new, old = terms("whisper-cc75-d580")
    assert "nvidia.com/cuda.driver-version.major" in new
    assert "nvidia.com/cuda.driver.major" in old


def test_a_node_whose_labels_describe_one_of_its_gpus_gets_no_pod():
    assert terms("whisper-cc80-d580")[0]["kubernetes.io/hostname"] == ("NotIn", ["mixed-1"])


def test_a_version_inside_of_a_branch_is_named_where_it_makes_the_difference():
    def older(items):
        for node in items["v1 Node"]:
            if node["metadata"]["name"] == "gtx-2":
                labels = node["metadata"]["labels"]
                labels["nvidia.com/cuda.driver-version.full"] = "550.40.07"

    expected = ("In", ["550.163.01"])
    (term,) = terms("whisper-cc61-d550", change=older, policy={"min_driver": "550.54"})
    assert term["nvidia.com/cuda.driver-version.full"] == expected
    assert "kubernetes.io/hostname" not in term
    assert left_out(change=older, policy={"min_driver": "550.54"})["gtx-2"]["code"] == "plan_impossible"


def test_nodes_that_are_only_busy_or_cordoned_are_not_excluded():
    (term,) = terms("whisper-cc80-d580")
    assert "a100-cordoned" not in term["kubernetes.io/hostname"][1]
    assert "nvidia.com/cuda.driver-version.full" not in term


def test_a_claim_needs_no_labels_of_the_gpu():
    assert terms("whisper-cc80-d580-dra") == [{"kubernetes.io/arch": ("In", ["amd64"])}]


def fleet(nodes):
    """As many nodes as asked for, like those of the recorded cluster."""
    cluster = observed()
    like = [node for node in cluster["nodes"] if node["source"] == "labels"]
    made = []
    for place in range(nodes):
        node = copy.deepcopy(like[place % len(like)])
        node["name"] = node["labels"]["kubernetes.io/hostname"] = f"node-{place:05}"
        made.append(node)
    return {**cluster, "nodes": made}


def test_nodes_that_are_alike_are_planned_once(monkeypatch):
    asked = []

    def counted(facts, **arguments):
        asked.append(facts)
        return plan(facts, **arguments)

    plan = groups.deployment_plan
    monkeypatch.setattr(groups, "deployment_plan", counted)
    found = planned(cluster=fleet(330))
    assert sum(len(one["nodes"]) for one in found["groups"]) + len(found["left_out"]) >= 330
    assert len(asked) < 20


def test_several_models_are_refused():
    with pytest.raises(PlanInputError, match=r"^models_unsupported: .* Kubernetes"):
        planned(policy={"models": [{"name": "base"}, {"name": "tiny"}]})


def test_a_host_builds_what_no_registry_has_once():
    plan = planned(images={}, registry="registry.example.com/speech/")
    assert [one["image"] for one in plan["builds"]] == sorted({one["image"] for one in plan["builds"]})
    (build,) = [one for one in plan["builds"] if one["image"] == IMAGE]
    assert build["machine"] == "x86_64"
    assert build["plan"]["cmake_cuda_architectures"] == "61-real"
    assert build["plan"]["build"]["base_images"]
    group = next(one for one in plan["groups"] if one["name"] == "whisper-cc61-d550")
    assert group["image"] == f"registry.example.com/speech/{IMAGE}"
    assert "image_not_in_registry" not in {one["code"] for one in plan["left_out"]}


def test_what_was_pushed_is_pulled_by_digest_and_not_built_again():
    plan = planned(registry="registry.example.com/speech/")
    assert IMAGE not in {one["image"] for one in plan["builds"]}
    group = next(one for one in plan["groups"] if one["name"] == "whisper-cc61-d550")
    assert group["image"] == PULLED


def test_without_a_registry_nothing_is_built():
    assert planned(images={})["builds"] == []
