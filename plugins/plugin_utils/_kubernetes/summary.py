# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a cluster in the table of `plan.yml`: a row for each group, and one for all nodes left out alike."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem

from .names import GATEWAY

_SERVED_NONE = {"image": None, "model": None, "servers": 0}


def summary(
    cluster: Mapping[str, Any], plan: Mapping[str, Any], host: str, options: Mapping[str, Any]
) -> dict[str, Any]:
    """``options``: C(namespace) of the servers, and whether a C(gateway) is in front of them."""
    groups = plan["groups"]
    return {
        "rows": [_group_row(group, host) for group in groups] + _left_out_rows(plan["left_out"], host),
        "reasons": " ".join(_once((group["name"], " ".join(group["reasons"])) for group in groups)),
        "problems": [*_left_out_lines(plan["left_out"]), *_warnings(cluster, plan, options)],
    }


def _group_row(group: Mapping[str, Any], host: str) -> dict[str, Any]:
    return {
        "host": host,
        "group": group["name"],
        "nodes": len(group["nodes"]),
        "gpu": ", ".join(group["products"]) or None,
        "capability": group["compute_capability"],
        "driver": ", ".join(group["driver_versions"]) or None,
        "cuda": group["cuda_driver_version"],
        "verdict": group["verdict"].upper() if group["verdict"] == "cpu" else group["verdict"],
        "image": group["image"],
        "model": group["model"],
        "servers": group["servers"],
    }


def _alike(left_out: list[Mapping[str, Any]]) -> dict[tuple[str, str | None], list[Mapping[str, Any]]]:
    found: dict[tuple[str, str | None], list[Mapping[str, Any]]] = {}
    for one in left_out:
        found.setdefault((one["code"], one["product"]), []).append(one)
    return found


def _left_out_rows(left_out: list[Mapping[str, Any]], host: str) -> list[dict[str, Any]]:
    return [
        {
            "host": host,
            "group": None,
            "nodes": len(nodes),
            "gpu": product,
            "capability": None,
            "driver": None,
            "cuda": None,
            "verdict": code,
            **_SERVED_NONE,
        }
        for (code, product), nodes in _alike(left_out).items()
    ]


def _left_out_lines(left_out: list[Mapping[str, Any]]) -> list[str]:
    """Nodes without a GPU are as they should be."""
    lines = []
    for (code, _product), nodes in _alike(left_out).items():
        if code != "no_gpu":
            first = nodes[0]
            name = "" if first["node"] in first["reason"] else f"{first['node']}: "
            more = f" So it is with {len(nodes) - 1} more nodes." if len(nodes) > 1 else ""
            lines.append(f"{code}: {name}{first['reason']}{more}")
    return lines


def _once(sentences: Iterable[tuple[str, str]]) -> list[str]:
    """Each text with the names of all groups that it is about."""
    found: dict[str, list[str]] = {}
    for name, text in sentences:
        found.setdefault(text, []).append(name)
    return [f"{', '.join(names)}: {text}" for text, names in found.items()]


def _warnings(cluster: Mapping[str, Any], plan: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    """Also what serves although it is ill, and what serves although no plan has it any more."""
    left_out = {one["node"] for one in plan["left_out"]}
    lines = _once((group["name"], warning) for group in plan["groups"] for warning in group["warnings"])
    for node in cluster["nodes"]:
        if node["name"] not in left_out:
            lines += [f"{one['code']}: {one['message']} {one['remedy']}" for one in node["gpu"]["problems"]]
    namespace = options["namespace"]
    planned = {group["name"] for group in plan["groups"]} | ({GATEWAY} if options["gateway"] else set())
    lines += [
        str(_outdated(one["name"], namespace))
        for one in cluster.get("deployments") or ()
        if one["namespace"] == namespace and one["name"] not in planned
    ]
    lines += [str(one) for one in _rejected(cluster.get("rejected") or (), namespace)]
    return lines + list(plan["warnings"])


def _rejected(pods: Iterable[Mapping[str, Any]], namespace: str) -> Iterable[Problem]:
    """One for each node and reason: a node that admits no pod may have rejected hundreds."""
    alike: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for pod in pods:
        if pod["namespace"] == namespace:
            alike.setdefault((str(pod["node"]), pod["reason"]), []).append(pod)
    for (node, reason), found in sorted(alike.items()):
        yield Problem.documented(
            "pods_rejected",
            f"{len(found)} pods of node {node} have failed ({reason}). The first, {found[0]['name']}:"
            f" {found[0]['message'] or 'no message'}",
            "Look at the device plugin on the node. A run that applies the objects deletes these pods.",
        )


def _outdated(name: str, namespace: str) -> Problem:
    return Problem.documented(
        "group_outdated",
        f"Deployment {name} in namespace {namespace} is in no plan any more.",
        f"Once its successor serves, delete it: kubectl --namespace {namespace} delete deployment,poddisruptionbudget"
        f" {name}.",
    )
