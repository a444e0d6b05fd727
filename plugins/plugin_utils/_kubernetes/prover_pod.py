# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The prover in a pod, which sets the pod's readiness gate by the proof that hosts have.

In the pod itself where nothing more than the pod is needed: on the CPU, and where a claim gives its GPU to two
containers. Otherwise on the node, where it reads processes of others: prover_objects has it.
"""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.names import GATE, PROVER_CONTAINER

from .names import CLAIM_NAME, PROVER, SECURITY
from .options import Options

# Label of a pod that has the prover in it.
SIDECAR = {"whisperops.gpu/prover": "sidecar"}
_MOUNT = "/prover"
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def in_pod(group: Mapping[str, Any]) -> bool:
    return bool(group["runtime"] == "cpu" or group["source"] == "resource_slices")


def in_pods(plan: Mapping[str, Any], options: Options) -> bool:
    """Whether it is in any pod, also of an earlier plan: such servers go on until they are removed."""
    return any(map(in_pod, plan["groups"])) or any(one["prover"] == "pod" for one in _earlier(plan, options))


def node_terms(plan: Mapping[str, Any], options: Options) -> list[Mapping[str, Any]]:
    """The nodes whose servers it proves from outside, also those of an earlier plan."""
    terms = [term for group in plan["groups"] if not in_pod(group) for term in group["affinity"]]
    earlier = [term for one in _earlier(plan, options) if one["prover"] == "node" for term in one["node_terms"]]
    return terms + [term for term in earlier if term not in terms]


def on_node(plan: Mapping[str, Any], options: Options) -> bool:
    return options.gate and bool(node_terms(plan, options))


def _earlier(plan: Mapping[str, Any], options: Options) -> list[Mapping[str, Any]]:
    return [one for one in plan["earlier"] if one["namespace"] == options.namespace]


def gated(group: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """What a pod's specification has of it, beside the container and the volumes."""
    if not options.gate:
        return {}
    inside = {"serviceAccountName": PROVER} if in_pod(group) else {}
    # The prover reads what the server's process holds open.
    shared = {"shareProcessNamespace": True} if in_pod(group) and group["runtime"] != "cpu" else {}
    return {"readinessGates": [{"conditionType": GATE}], **inside, **shared}


def containers(group: Mapping[str, Any], options: Options) -> list[dict[str, Any]]:
    if not (options.gate and in_pod(group)):
        return []
    # With the user of the server: its files in /proc are read without any privilege.
    one = container(options, "POD_NAME", "metadata.name", SECURITY)
    one["volumeMounts"].append({"name": "api", "mountPath": _ACCOUNT, "readOnly": True})
    if group["runtime"] != "cpu":
        one["resources"]["claims"] = [{"name": CLAIM_NAME}]
    return [one]


def volumes(group: Mapping[str, Any], options: Options) -> list[dict[str, Any]]:
    """The token is mounted by the prover alone."""
    if not (options.gate and in_pod(group)):
        return []
    token = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    ]
    return [{"name": "prover", "configMap": {"name": PROVER}}, {"name": "api", "projected": {"sources": token}}]


def container(options: Options, variable: str, field: str, security: Mapping[str, Any]) -> dict[str, Any]:
    """``variable``: which pods it proves, from a ``field`` of its own pod."""
    return {
        "name": PROVER_CONTAINER,
        "image": options.prover_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", f"{_MOUNT}/prover.pyz", f"{_MOUNT}/settings.json"],
        "env": [{"name": variable, "valueFrom": {"fieldRef": {"fieldPath": field}}}],
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": dict(security),
        "volumeMounts": [{"name": "prover", "mountPath": _MOUNT, "readOnly": True}],
    }
