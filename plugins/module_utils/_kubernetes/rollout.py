# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far the servers of a plan are: what Deployments and their pods say. Private to this collection."""

from __future__ import annotations

import time
from typing import Any, Callable, Iterable, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem

from .api import Api
from .names import GATE, MANAGED_BY

PROVEN, WAITS, FAILED, MISSING = "proven", "waits", "failed", "missing"
_INTERVAL_SECONDS = 5
_MOST_REASONS = 5


def rollout(
    api: Api,
    namespace: str,
    groups: Iterable[str],
    wait_seconds: int,
    sleep: Callable[[float], None] = time.sleep,
) -> list[dict[str, Any]]:
    """The state of each group, once all are proven, one has failed, or the time is over."""
    groups, left = list(groups), wait_seconds
    while True:
        found = _states(api, namespace, groups)
        states = {one["state"] for one in found}
        if states <= {PROVEN} or FAILED in states or left <= 0:
            return found
        sleep(min(_INTERVAL_SECONDS, left))
        left -= _INTERVAL_SECONDS


def _states(api: Api, namespace: str, groups: list[str]) -> list[dict[str, Any]]:
    query = {"namespace": namespace, "label_selector": "=".join(MANAGED_BY)}
    deployments = {one["metadata"]["name"]: one for one in api.items("apps/v1", "Deployment", **query)}
    pods: dict[str, list[Mapping[str, Any]]] = {}
    for pod in api.items("v1", "Pod", **query):
        group = (pod["metadata"].get("labels") or {}).get("app.kubernetes.io/instance")
        pods.setdefault(str(group), []).append(pod)
    return [state(name, deployments.get(name), pods.get(name, [])) for name in groups]


def state(name: str, deployment: Mapping[str, Any] | None, pods: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Of one group. Available are pods whose gate is open: the Deployment counts no others."""
    if deployment is None:
        return {"name": name, "state": MISSING, "servers": 0, "updated": 0, "available": 0, "reasons": []}
    status, wanted = deployment.get("status") or {}, (deployment.get("spec") or {}).get("replicas", 1)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    conditions = {one["type"]: one for one in status.get("conditions") or ()}
    done = seen and updated == available == status.get("replicas", 0) == wanted
    stopped = seen and conditions.get("Progressing", {}).get("status") == "False"
    staying = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    reasons = [reason for reason in map(_why_not, staying) if reason]
    refused = conditions.get("ReplicaFailure")
    if refused and refused.get("status") == "True":
        reasons.insert(0, str(refused.get("message")))
    return {
        "name": name,
        "state": PROVEN if done else FAILED if stopped else WAITS,
        "servers": wanted,
        "updated": updated,
        "available": available,
        "reasons": sorted(set(reasons), key=reasons.index)[:_MOST_REASONS],
    }


def _why_not(pod: Mapping[str, Any]) -> str | None:
    """Why a pod is not in the Service. None: it is."""
    status = pod.get("status") or {}
    conditions = {one["type"]: one for one in status.get("conditions") or ()}
    if conditions.get("Ready", {}).get("status") == "True" or status.get("phase") == "Succeeded":
        return None
    name = pod["metadata"]["name"]
    if status.get("phase") == "Failed":
        return f"{name}: {status.get('reason')}: {status.get('message')}"
    if conditions.get("PodScheduled", {}).get("status") == "False":
        return f"{name}: {conditions['PodScheduled'].get('reason')}: {conditions['PodScheduled'].get('message')}"
    for container in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        stopped = _stopped(container)
        if stopped:
            return f"{name}: {stopped}"
    gate = conditions.get(GATE)
    if gate:
        return f"{name}: {gate.get('reason')}: {gate.get('message')}"
    return f"{name}: its server loads the model, or waits for its proof"


def _stopped(container: Mapping[str, Any]) -> str | None:
    """Why a container does not run: what it has said at its end, or what Kubernetes says."""
    now, before = container.get("state") or {}, container.get("lastState") or {}
    waiting = now.get("waiting")
    ended = now.get("terminated") or (before.get("terminated") if waiting else None) or {}
    last = str(ended.get("message") or "").strip().splitlines()
    if ended.get("exitCode") and last:
        return last[-1]
    if waiting and waiting.get("reason") not in ("PodInitializing", "ContainerCreating"):
        return f"{waiting.get('reason')}: {waiting.get('message') or container['name']}"
    return None


def unproven(found: Iterable[Mapping[str, Any]]) -> Problem | None:
    """None where every group is proven."""
    late = [one for one in found if one["state"] != PROVEN]
    if not late:
        return None
    told = []
    for one in late:
        earlier = ", also earlier ones" if one["available"] > one["updated"] else ""
        serve = f"; {one['available']} serve{earlier}" if one["available"] else "; none serves"
        why = f" ({' | '.join(one['reasons'])})" if one["reasons"] else ""
        told.append(f"{one['name']}: {one['updated']} of {one['servers']} servers are new{serve}{why}")
    return Problem.documented(
        "rollout_unproven",
        f"Not every group is proven. {'. '.join(told)}.",
        "Nothing more was changed, and pods that were in the Service stay. To go back, apply the earlier plan: set the"
        " variables back and run again, or apply the earlier files.",
    )
