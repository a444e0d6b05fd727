# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pods have of the nodes' devices. Private to this collection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping

from .labels import GPU, MIG, NVIDIA, number
from .names import MANAGED_BY
from .slices import DRIVER_NAME

# With the name that the pod's specification has for it. Its devices have CDI names, or that of their driver in front.
_CLAIM = "claim:"
_OVER = ("Succeeded", "Failed")


@dataclass
class Use:
    """Of one node: resource → devices that pods of others have, and that our servers have; devices that are broken."""

    others: dict[str, int] = field(default_factory=dict)
    ours: dict[str, int] = field(default_factory=dict)
    # resource → names, as the kubelet gives them.
    unhealthy: dict[str, set[str]] = field(default_factory=dict)


def by_node(pods: Iterable[Mapping[str, Any]]) -> dict[str, Use]:
    uses: dict[str, Use] = {}
    for pod in pods:
        spec, status = pod.get("spec") or {}, pod.get("status") or {}
        node = spec.get("nodeName")
        if not node or status.get("phase") in _OVER:
            continue
        use = uses.setdefault(node, Use())
        labels = (pod.get("metadata") or {}).get("labels") or {}
        held = use.ours if labels.get(MANAGED_BY[0]) == MANAGED_BY[1] else use.others
        for resource, count in _wanted(spec).items():
            held[resource] = held.get(resource, 0) + count
        _add_unhealthy(use, status)
    return uses


def rejected(pods: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Pods of our servers that have failed for good: each has a successor, and nothing takes them away."""
    return [
        {
            "namespace": pod["metadata"].get("namespace"),
            "name": pod["metadata"]["name"],
            "node": (pod.get("spec") or {}).get("nodeName"),
            "reason": str(pod["status"].get("reason") or "Failed"),
            "message": str(pod["status"].get("message") or ""),
        }
        for pod in pods
        if ((pod.get("metadata") or {}).get("labels") or {}).get(MANAGED_BY[0]) == MANAGED_BY[1]
        and (pod.get("status") or {}).get("phase") == "Failed"
    ]


def _wanted(spec: Mapping[str, Any]) -> dict[str, int]:
    """As the scheduler counts: the containers together, or the largest container that runs before them."""
    together: dict[str, int] = {}
    for container in spec.get("containers") or ():
        for resource, count in _limits(container):
            together[resource] = together.get(resource, 0) + count
    for container in spec.get("initContainers") or ():
        for resource, count in _limits(container):
            together[resource] = max(together.get(resource, 0), count)
    return together


def _limits(container: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    for resource, count in ((container.get("resources") or {}).get("limits") or {}).items():
        if resource == GPU or resource.startswith(MIG):
            yield resource, number(count) or 0


def _add_unhealthy(use: Use, status: Mapping[str, Any]) -> None:
    for container in status.get("containerStatuses") or ():
        for allocated in container.get("allocatedResourcesStatus") or ():
            for device in allocated.get("resources") or ():
                if device.get("health") == "Unhealthy":
                    resource, name = str(allocated.get("name")), str(device.get("resourceID"))
                    claimed = resource.startswith(_CLAIM) and NVIDIA.rstrip("/") in name
                    use.unhealthy.setdefault(DRIVER_NAME if claimed else resource, set()).add(name)
