# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which nodes pods may be planned for, and how many GPUs of each are free."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem

# The taint by which clusters keep other pods from GPU nodes. NVIDIA's own pods tolerate it too.
GPU_TOLERATION: dict[str, Any] = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
_KEEPS_PODS_OUT = ("NoSchedule", "NoExecute")


class LeftOut(NamedTuple):
    node: str
    code: str
    reason: str
    product: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        return self._asdict()


def product(node: Mapping[str, Any]) -> str | None:
    names = sorted({gpu["name"] for gpu in node["gpu"]["gpus"] if gpu.get("name")})
    return ", ".join(names) or node["labels"].get("nvidia.com/gpu.product")


def left_out(node: Mapping[str, Any], tolerations: Iterable[Mapping[str, Any]]) -> LeftOut | None:
    """Why no pod is planned for a node, whatever its GPUs; the first reason that there is."""
    blind = node["gpu"]["gpu_present"] and not node["source"]
    # Of a dead device plugin, all devices are unhealthy.
    broken = not any(count["allocatable"] for count in node["resources"].values())
    closed = {"node_not_ready", "node_cordoned", *(["gpu_unhealthy"] if broken else [])}
    for problem in node["gpu"]["problems"]:
        if problem["code"] in closed or blind:
            return LeftOut(node["name"], problem["code"], f"{problem['message']} {problem['remedy']}", product(node))
    for taint in node["taints"]:
        if taint["effect"] in _KEEPS_PODS_OUT and not any(_tolerated(taint, one) for one in tolerations):
            problem = Problem.documented(
                "node_tainted",
                f"Node {node['name']} has the taint {_text(taint)}.",
                "If the servers are to run there, tolerate it by whisper_kubernetes_tolerations.",
            )
            return _of(node, problem)
    if node["source"] and not free_gpus(node):
        problem = Problem.documented(
            "node_gpus_in_use",
            f"Pods of others have all healthy GPUs of node {node['name']}.",
            "Free one, and plan again.",
        )
        return _of(node, problem)
    return None


def _of(node: Mapping[str, Any], problem: Problem) -> LeftOut:
    return LeftOut(node["name"], problem.code, f"{problem.message} {problem.remedy}", product(node))


def _tolerated(taint: Mapping[str, Any], toleration: Mapping[str, Any]) -> bool:
    """As Kubernetes compares them: what a toleration does not name, it has no condition on."""
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return toleration.get("key") == taint["key"] and (toleration.get("value") or "") == (taint["value"] or "")


def _text(taint: Mapping[str, Any]) -> str:
    return f"{taint['key']}{'=' + taint['value'] if taint['value'] else ''}:{taint['effect']}"


def free_gpus(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those that pods of others do not have. Where these are not seen, all of them."""
    room = {name: count["allocatable"] - (count["allocated"] or 0) for name, count in node["resources"].items()}
    found = []
    for gpu in node["gpu"]["gpus"]:
        if node["source"] == "resource_slices":
            if not gpu["allocated"]:
                found.append(gpu)
        elif room[gpu["resource"]] > 0:
            room[gpu["resource"]] -= 1
            found.append(gpu)
    return found
