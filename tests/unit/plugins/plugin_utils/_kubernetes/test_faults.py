"""What is refused before anything is applied, and what the table says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.filter.plan_rows import plan_rows
from ansible_collections.whisperops.gpu.plugins.plugin_utils._kubernetes.faults import access, faults
from ansible_collections.whisperops.gpu.plugins.plugin_utils._kubernetes.summary import summary
from ansible_collections.whisperops.gpu.plugins.plugin_utils._summary import summary as table

sys.path.insert(0, str(Path(__file__).parent))

from planned_cluster import ROOT, observed, options, planned

NEW_CLAIM = {"model_storage": "new_claim"}
CLASSES = [{"name": "fast", "default": False}, {"name": "shared", "default": True}]


def found(cluster=None, plan=None, **given):
    cluster = {**observed(), **(cluster or {})}
    return faults(cluster, plan or planned(), options(**given))


def test_a_cluster_that_can_serve_has_no_fault():
    assert found() == []


@pytest.mark.parametrize(
    ("cluster", "given", "code"),
    [
        ({"storage_classes": []}, NEW_CLAIM, "storage_class_missing: The cluster has no default"),
        ({"storage_classes": CLASSES[:1]}, NEW_CLAIM, "it has: fast."),
        (
            {"storage_classes": CLASSES},
            {**NEW_CLAIM, "storage_class": "slow"},
            "no storage class slow; it has: fast, sh",
        ),
    ],
)
def test_a_new_volume_needs_a_storage_class(cluster, given, code):
    (fault,) = found(cluster, **given)
    assert code in fault


@pytest.mark.parametrize(
    ("classes", "given"),
    [(CLASSES, NEW_CLAIM), (CLASSES, {**NEW_CLAIM, "storage_class": "fast"}), (None, NEW_CLAIM), ([], {})],
)
def test_a_storage_class_that_is_there_not_seen_or_not_needed_is_no_fault(classes, given):
    assert found({"storage_classes": classes}, **given) == []


def test_access_that_is_denied_is_named():
    denied = [
        {"verb": "create", "group": "apps", "resource": "deployments", "namespace": "w"},
        {"verb": "patch", "group": "", "resource": "namespaces", "namespace": None},
    ]
    (fault,) = found({"denied": denied})
    assert fault.startswith(
        "kubernetes_access_denied: The user of the kubeconfig may not create deployments.apps in namespace w,"
        " patch namespaces."
    )


def test_the_access_is_that_to_the_objects_that_are_rendered():
    def resources(**given):
        return {one["resource"] for one in access(options(**given))}

    prover = {"configmaps", "serviceaccounts", "roles", "rolebindings", "daemonsets"}
    servers = {"namespaces", "services", "networkpolicies", "deployments", "poddisruptionbudgets", "pods"}
    assert resources() == servers | prover
    assert resources(gate=False) == servers
    assert "namespaces" not in resources(create_namespace=False)
    assert {"ingresses", "persistentvolumeclaims"} <= resources(ingress_host="x", **NEW_CLAIM)


def test_deleting_is_asked_for_only_if_groups_may_go():
    def deleted(**given):
        return {one["resource"] for one in access(options(**given)) if one["verb"] == "delete"}

    assert deleted() == set()
    assert deleted(remove_outdated=True) == {"deployments", "poddisruptionbudgets"}


def test_rejected_pods_are_counted_for_each_node_and_reason():
    reason = {"namespace": "whisper", "node": "gtx-1", "reason": "UnexpectedAdmissionError", "message": "no device"}
    pods = [{**reason, "name": f"whisper-{number}"} for number in range(60)]
    others = [{**reason, "name": "whisper-else", "node": "gtx-2"}, {**reason, "name": "x", "namespace": "other"}]
    lines = [line for line in shown({**observed(), "rejected": [*pods, *others]})["problems"] if "pods_rej" in line]
    assert len(lines) == 2
    assert "60 pods of node gtx-1 have failed (UnexpectedAdmissionError). The first, whisper-0: no device" in lines[0]


def test_rights_for_a_prover_that_no_node_needs_are_not_asked_for():
    denied = [{"verb": "create", "group": "apps", "resource": "daemonsets", "namespace": "whisper-prover"}]
    on_cpu = planned(cluster={**observed(), "nodes": [n for n in observed()["nodes"] if n["name"] == "cpu-1"]})
    assert found({"denied": denied}, plan=on_cpu) == []
    assert len(found({"denied": denied})) == 1


def test_a_cluster_that_cannot_serve_says_why():
    plan = planned(policy={"min_driver": "999"})
    (fault,) = found(plan=plan)
    assert fault.startswith("no_node_fits: No node of the cluster can serve. ")
    assert "1 with node_mixed_gpus: " in fault
    assert found(plan={**plan, "left_out": []})[0].startswith(
        "no_node_fits: No node of the cluster can serve. It has no"
    )


def shown(cluster=None, gateway=False, **arguments):
    cluster = cluster or observed()
    options = {"namespace": "whisper", "gateway": gateway}
    return summary(cluster, planned(cluster=cluster, **arguments), "speech", options)


def test_the_columns_are_those_of_plan_yml_and_two_more():
    columns = list(plan_rows({}, {"verdict": "cpu"}, "host")[0])
    assert [name for name in shown()["rows"][0] if name not in ("group", "nodes")] == columns
    assert all(list(row) == list(shown()["rows"][0]) for row in shown()["rows"])


def test_each_group_and_each_kind_of_node_left_out_has_a_row():
    rows = {(row["group"], row["verdict"]): row["nodes"] for row in shown()["rows"]}
    assert rows["whisper-cc61-d550", "native"] == 2
    assert rows[None, "no_gpu"] == 2
    assert rows[None, "node_mixed_gpus"] == 1


def test_a_reason_is_said_once_for_all_nodes_that_are_alike():
    problems = shown(images={})["problems"]
    (line,) = [one for one in problems if one.startswith("image_not_in_registry: ")]
    assert line.endswith("So it is with 1 more nodes.")
    assert not any(one.startswith("no_gpu") for one in problems)


def test_a_node_that_serves_with_a_broken_gpu_is_named():
    assert [one for one in shown()["problems"] if one.startswith("gpu_unhealthy: Node gtx-2 ")]


def test_what_is_not_seen_is_said():
    problems = shown(observed(refused=("Pod",)))["problems"]
    assert any("cannot list resource" in one and "count as free" in one for one in problems)


def test_a_deployment_that_no_plan_has_is_named_with_its_removal():
    cluster = observed()
    cluster["deployments"] = [
        {"namespace": "whisper", "name": "whisper-cc61-d550"},
        {"namespace": "whisper", "name": "whisper-cc61-d535"},
        {"namespace": "other", "name": "whisper-cc61-d470"},
    ]
    (line,) = [one for one in shown(cluster)["problems"] if one.startswith("group_outdated: ")]
    assert "whisper-cc61-d535" in line


@pytest.mark.parametrize("gateway", [True, False])
def test_a_gateway_is_outdated_only_where_none_is_planned(gateway):
    cluster = observed()
    cluster["deployments"] = [{"namespace": "whisper", "name": "whisper-gateway"}]
    told = [one for one in shown(cluster, gateway)["problems"] if one.startswith("group_outdated: ")]
    assert bool(told) is not gateway


def test_the_table_can_be_printed():
    found = shown()
    lines = [line.text for line in table(found["rows"], {"speech": found["reasons"]}, {"speech": found["problems"]})]
    assert lines[0].split()[:3] == ["HOST", "GROUP", "NODES"]


def test_each_code_has_its_section():
    guide = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
    plans = [planned(images={}), planned()]
    codes = {one["code"] for plan in plans for one in plan["left_out"]}
    codes |= {"gpu_unhealthy", "storage_class_missing", "kubernetes_access_denied", "no_node_fits", "group_outdated"}
    assert [code for code in sorted(codes) if f"\n## {code}\n" not in guide] == []
