# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that the plan of a cluster reads, in one go and without writing. Private to this collection.

Nodes are needed. Of the rest, what the user may not see is named in `unseen` with what follows from it.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError

from . import pods, problems, slices
from .api import Api, NotServedError, RefusedError
from .names import GATE, MANAGED_BY, PROVER_CONTAINER
from .node import node_info

_DEFAULT_CLASS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
# What is not known where a kind of object is not seen.
_FOLLOWS = {
    "pods": "GPUs that pods of others have count as free.",
    "resourceclaims": "GPUs that claims of others have count as free.",
    "resourceslices": "Nodes are read by their labels alone, also those with dynamic resource allocation.",
    "storageclasses": "Whether the cluster has a default storage class is not known.",
    "deployments": "Servers of an earlier plan are not seen, and their proof may end.",
}


class Observer:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._unseen: list[dict[str, str]] = []

    def observe(self, access: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
        nodes = self._nodes()
        devices = slices.by_node(self._seen(slices.API_VERSION, "ResourceSlice", "resourceslices") or ())
        held = self._held() if devices else {}
        found = self._seen("v1", "Pod", "pods")
        uses = None if found is None else pods.by_node(found)
        return {
            "nodes": [
                node_info(
                    node,
                    devices.get(node["metadata"]["name"], []),
                    None if uses is None else uses.get(node["metadata"]["name"], pods.Use()),
                    None if held is None else held.get(node["metadata"]["name"], set()),
                )
                for node in sorted(nodes, key=lambda node: str(node["metadata"]["name"]))
            ],
            "storage_classes": self._storage_classes(),
            "deployments": self._deployments(),
            "rejected": None if found is None else pods.rejected(found),
            "denied": [dict(wanted) for wanted in access if not self._may(wanted)],
            "unseen": self._unseen,
            "api_groups": sorted(self._api.groups()),
        }

    def _nodes(self) -> list[dict[str, Any]]:
        try:
            return list(self._api.items("v1", "Node"))
        except RefusedError as refused:
            raise InspectionError(problems.access_denied(str(refused), "list nodes")) from refused

    def _seen(self, api_version: str, kind: str, resource: str, **query: Any) -> list[dict[str, Any]] | None:
        """None where the user may not list them; none at all where the cluster has no such kind."""
        try:
            return list(self._api.items(api_version, kind, **query))
        except NotServedError:
            return []
        except RefusedError as refused:
            self._unseen.append({"resource": resource, "message": f"{refused}", "follows": _FOLLOWS[resource]})
            return None

    def _held(self) -> dict[str, set[str]] | None:
        """Node → devices that claims of others have. NVIDIA's driver has a pool for each node, of its name."""
        claims = self._seen(slices.API_VERSION, "ResourceClaim", "resourceclaims")
        if claims is None:
            return None
        found: dict[str, set[str]] = {}
        for claim in claims:
            labels = claim["metadata"].get("labels") or {}
            allocation = ((claim.get("status") or {}).get("allocation") or {}).get("devices") or {}
            for result in allocation.get("results") or ():
                if result.get("driver") == slices.DRIVER_NAME and labels.get(MANAGED_BY[0]) != MANAGED_BY[1]:
                    found.setdefault(str(result.get("pool")), set()).add(str(result.get("device")))
        return found

    def _storage_classes(self) -> list[dict[str, Any]] | None:
        classes = self._seen("storage.k8s.io/v1", "StorageClass", "storageclasses")
        if classes is None:
            return None
        return [
            {
                "name": one["metadata"]["name"],
                "default": any(
                    (one["metadata"].get("annotations") or {}).get(name) == "true" for name in _DEFAULT_CLASS
                ),
            }
            for one in classes
        ]

    def _deployments(self) -> list[dict[str, Any]] | None:
        ours = self._seen("apps/v1", "Deployment", "deployments", label_selector="=".join(MANAGED_BY))
        if ours is None:
            return None
        return [_deployment(one) for one in ours]

    def _may(self, wanted: Mapping[str, Any]) -> bool:
        return self._api.may(
            str(wanted["verb"]), str(wanted.get("group") or ""), str(wanted["resource"]), wanted.get("namespace")
        )


def _deployment(one: Mapping[str, Any]) -> dict[str, Any]:
    pod = one["spec"]["template"]["spec"]
    gated = any(gate["conditionType"] == GATE for gate in pod.get("readinessGates") or ())
    place = "pod" if any(container["name"] == PROVER_CONTAINER for container in pod["containers"]) else "node"
    affinity = (pod.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    return {
        "namespace": one["metadata"]["namespace"],
        "name": one["metadata"]["name"],
        "prover": place if gated else None,
        "node_terms": required.get("nodeSelectorTerms") or [],
    }
