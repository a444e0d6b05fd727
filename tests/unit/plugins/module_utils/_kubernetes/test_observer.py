"""Nodes as an API server answers of them, in the shape of nvidia_gpu_info; what is not seen is said."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Gpu, Report
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError

sys.path.insert(0, str(Path(__file__).parent))

from recorded_cluster import nodes, observed


def codes(node):
    return [problem["code"] for problem in node["gpu"]["problems"]]


def test_a_node_has_the_shape_of_nvidia_gpu_info():
    gpu = nodes()["gtx-1"]["gpu"]
    assert set(gpu) == {field.name for field in fields(Report)}
    assert {field.name for field in fields(Gpu)} <= set(gpu["gpus"][0])


def test_labels_of_gpu_feature_discovery_are_read():
    node = nodes()["gtx-1"]
    assert node["source"] == "labels"
    assert node["gpu"]["machine"] == "x86_64"
    assert node["gpu"]["driver"]["version"] == "550.163.01"
    assert node["gpu"]["driver"]["branch"] == "550"
    assert node["gpu"]["cuda_driver_version"] == "12.4"
    assert [(gpu["name"], gpu["compute_capability"], gpu["memory_total_mib"]) for gpu in node["gpu"]["gpus"]] == [
        ("NVIDIA-GeForce-GTX-1080", "6.1", 8192)
    ] * 2
    assert node["gpu"]["gpus"][0]["architecture"] == "pascal"


def test_what_labels_do_not_say_is_null():
    gpu = nodes()["gtx-1"]["gpu"]["gpus"][0]
    assert (gpu["uuid"], gpu["memory_free_mib"], gpu["pci_bus_id"]) == (None, None, None)


def test_the_deprecated_spelling_of_the_driver_is_read_too():
    known = nodes()
    new, old = known["t4-new"], known["t4-old"]
    assert not any("driver-version" in label for label in old["labels"])
    assert old["gpu"]["driver"] == new["gpu"]["driver"]
    assert old["gpu"]["cuda_driver_version"] == new["gpu"]["cuda_driver_version"] == "13.0"


def test_devices_of_others_are_told_from_our_own():
    known = nodes()
    assert known["gtx-busy"]["resources"]["nvidia.com/gpu"]["allocated"] == 2
    assert known["a100-1"]["resources"]["nvidia.com/gpu"]["allocated"] == 3
    assert known["gtx-1"]["resources"]["nvidia.com/gpu"] == {
        "capacity": 2,
        "allocatable": 2,
        "allocated": 0,
        "ours": 1,
    }


def test_pods_that_have_ended_hold_nothing():
    def end(items):
        for pod in items["v1 Pod"]:
            pod["status"]["phase"] = "Succeeded"

    assert nodes(change=end)["gtx-busy"]["resources"]["nvidia.com/gpu"]["allocated"] == 0


def test_the_largest_container_that_runs_first_counts_where_it_is_larger():
    def prepare(items):
        (spec,) = [one["spec"] for one in items["v1 Pod"] if one["metadata"]["name"] == "training-2"]
        spec["initContainers"] = [{"resources": {"limits": {"nvidia.com/gpu": "5", "cpu": "1"}}}]

    before, after = nodes(), nodes(change=prepare)
    changed = [name for name in before if before[name]["resources"] != after[name]["resources"]]
    assert [after[name]["resources"]["nvidia.com/gpu"]["allocated"] for name in changed] == [5]


def test_an_unhealthy_device_is_named():
    node = nodes()["gtx-2"]
    assert codes(node) == ["gpu_unhealthy"]
    assert "GPU-3f0f4e5c-0000-0000-0000-000000001081" in node["gpu"]["problems"][0]["message"]
    assert node["gpu"]["unavailable_gpus"][0]["code"] == "gpu_unhealthy"
    assert len(node["gpu"]["gpus"]) == 1


@pytest.mark.parametrize("effect", ["NoSchedule", "NoExecute"])
def test_a_device_with_a_taint_is_given_to_no_claim(effect):
    """A device's own taints: of NVIDIA's driver where it has found it broken, or of an administrator."""

    def taint(items):
        (piece,) = items["resource.k8s.io/v1 ResourceSlice"]
        piece["spec"]["devices"][1]["taints"] = [{"key": "gpu.nvidia.com/xid", "value": "79", "effect": effect}]

    node = nodes(change=taint)["dra-1"]
    assert [gpu["compute_capability"] for gpu in node["gpu"]["gpus"]] == ["8.0", "7.5"]
    assert codes(node) == ["gpu_unhealthy"]
    assert "1 unhealthy gpu.nvidia.com (gpu-1)" in node["gpu"]["problems"][0]["message"]
    assert node["resources"]["gpu.nvidia.com"]["capacity"] == 3
    assert node["resources"]["gpu.nvidia.com"]["allocatable"] == 2


def test_a_taint_that_keeps_nothing_away_is_no_problem():
    def taint(items):
        (piece,) = items["resource.k8s.io/v1 ResourceSlice"]
        piece["spec"]["devices"][1]["taints"] = [{"key": "example.com/noted", "effect": "None"}]

    assert codes(nodes(change=taint)["dra-1"]) == []


@pytest.mark.parametrize(
    ("device", "told"),
    [
        ("k8s.gpu.nvidia.com/claim=0b5a-gpu-1", ["gpu_unhealthy"]),
        ("gpu.nvidia.com/dra-1/gpu-1", ["gpu_unhealthy"]),
        ("example.com/nic=eth1", []),
    ],
)
def test_a_pod_whose_claim_has_an_unhealthy_gpu_tells_it(device, told):
    def break_it(items):
        pod = {
            "metadata": {"name": "training", "namespace": "default"},
            "spec": {"nodeName": "dra-1"},
            "status": {
                "phase": "Running",
                "containerStatuses": [
                    {
                        "name": "one",
                        "allocatedResourcesStatus": [
                            {"name": "claim:gpu", "resources": [{"resourceID": device, "health": "Unhealthy"}]}
                        ],
                    }
                ],
            },
        }
        items["v1 Pod"].append(pod)

    assert codes(nodes(change=break_it)["dra-1"]) == told


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("bare-1", "gpu_feature_discovery_missing"),
        ("no-plugin", "device_plugin_missing"),
        ("mixed-1", "node_mixed_gpus"),
    ],
)
def test_a_node_whose_gpus_are_not_known_has_the_reason_and_the_remedy(name, code):
    node = nodes()[name]
    assert node["gpu"]["gpu_present"]
    assert node["source"] is None
    assert node["gpu"]["gpus"] == []
    assert codes(node) == [code]
    assert node["gpu"]["problems"][0]["remedy"].endswith(f"See docs/troubleshooting.md#{code}")


def test_a_node_without_a_gpu_is_none_of_these():
    node = nodes()["cpu-1"]
    assert not node["gpu"]["gpu_present"]
    assert codes(node) == []


def test_the_state_of_a_node_is_read():
    known = nodes()
    assert codes(known["a100-lost"]) == ["node_not_ready"]
    assert "Kubelet stopped posting node status" in known["a100-lost"]["gpu"]["problems"][0]["message"]
    assert codes(known["a100-cordoned"]) == ["node_cordoned"]
    assert not known["a100-cordoned"]["schedulable"]


def test_taints_by_which_kubernetes_tells_the_state_are_left_out():
    known = nodes()
    assert [taint["key"] for taint in known["a100-team"]["taints"]] == ["team"]
    assert known["a100-lost"]["taints"] == known["cpu-1"]["taints"] == []


def test_shares_of_a_gpu_have_their_part_of_its_memory():
    gpus = nodes()["shared-1"]["gpu"]["gpus"]
    assert [gpu["memory_total_mib"] for gpu in gpus] == [23034 // 4] * 4


def test_mig_devices_of_one_profile_are_gpus():
    gpus = nodes()["mig-single"]["gpu"]["gpus"]
    assert [(gpu["name"], gpu["memory_total_mib"], gpu["resource"]) for gpu in gpus] == [
        ("NVIDIA-A100-SXM4-40GB-MIG-3g.20gb", 19968, "nvidia.com/gpu")
    ] * 4


def test_mig_devices_of_several_profiles_are_resources_of_their_own():
    gpus = nodes()["mig-mixed"]["gpu"]["gpus"]
    assert {(gpu["resource"], gpu["memory_total_mib"]) for gpu in gpus} == {
        ("nvidia.com/gpu", 40960),
        ("nvidia.com/mig-1g.5gb", 4864),
    }
    assert len(gpus) == 8


def test_resource_slices_name_each_device_of_a_mixed_node():
    node = nodes()["dra-1"]
    assert node["source"] == "resource_slices"
    assert node["gpu"]["driver"]["version"] == "580.95.5"
    assert [(gpu["uuid"][-2:], gpu["compute_capability"], gpu["memory_total_mib"]) for gpu in node["gpu"]["gpus"]] == [
        ("80", "8.0", 40960),
        ("81", "8.0", 40960),
        ("75", "7.5", 15360),
    ]


def test_claims_of_others_hold_their_devices():
    assert [gpu["allocated"] for gpu in nodes()["dra-1"]["gpu"]["gpus"]] == [True, False, False]


def test_claims_of_our_own_servers_hold_none():
    def own(items):
        items["resource.k8s.io/v1 ResourceClaim"][0]["metadata"]["labels"] = {
            "app.kubernetes.io/managed-by": "whisperops.gpu"
        }

    assert [gpu["allocated"] for gpu in nodes(change=own)["dra-1"]["gpu"]["gpus"]] == [False] * 3


def test_slices_of_an_older_generation_are_not_read():
    def renew(items):
        (piece,) = items["resource.k8s.io/v1 ResourceSlice"]
        old = {**piece, "spec": {**piece["spec"], "devices": piece["spec"]["devices"][:1]}}
        newer = {**piece["spec"], "pool": {**piece["spec"]["pool"], "generation": 2}}
        items["resource.k8s.io/v1 ResourceSlice"] = [old, {**piece, "spec": newer}]

    assert len(nodes(change=renew)["dra-1"]["gpu"]["gpus"]) == 3


def test_a_cluster_without_dynamic_resource_allocation_is_read_by_labels():
    found = observed(not_served=("ResourceSlice", "ResourceClaim"))
    assert found["unseen"] == []
    assert {node["source"] for node in found["nodes"]} == {"labels", None}


def test_what_the_user_may_not_see_is_said_with_what_follows():
    found = observed(refused=("Pod", "StorageClass", "Deployment", "ResourceClaim"))
    assert {one["resource"] for one in found["unseen"]} == {"pods", "storageclasses", "deployments", "resourceclaims"}
    assert all("cannot list resource" in one["message"] and one["follows"] for one in found["unseen"])
    assert found["storage_classes"] is None
    assert found["deployments"] is None
    known = {node["name"]: node for node in found["nodes"]}
    assert known["gtx-busy"]["resources"]["nvidia.com/gpu"]["allocated"] is None
    assert [gpu["allocated"] for gpu in known["dra-1"]["gpu"]["gpus"]] == [None] * 3


def test_without_nodes_there_is_no_plan():
    with pytest.raises(InspectionError) as refused:
        observed(refused=("Node",))
    assert refused.value.problem.code == "kubernetes_access_denied"


def test_access_that_is_denied_is_returned():
    wanted = [{"verb": verb, "group": "apps", "resource": "deployments", "namespace": "w"} for verb in ("get", "patch")]
    assert observed(wanted, denied=[("patch", "deployments")])["denied"] == wanted[1:]


def test_pods_of_ours_that_have_failed_are_named():
    def change(items):
        for pod in items["v1 Pod"]:
            pod["status"].update(phase="Failed", reason="UnexpectedAdmissionError", message="no device")

    found = observed(change=change)["rejected"]
    assert {one["name"] for one in found} == {"server-of-ours", "server-on-a-lost-gpu"}
    assert {**found[0], "name": ""} == {
        "namespace": "default",
        "name": "",
        "node": found[0]["node"],
        "reason": "UnexpectedAdmissionError",
        "message": "no device",
    }
    assert observed()["rejected"] == []
    assert observed(refused=["Pod"])["rejected"] is None
