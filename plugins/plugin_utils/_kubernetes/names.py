# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several objects call the same thing."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.names import MANAGED_BY, NAME
from ansible_collections.whisperops.gpu.plugins.plugin_utils._server.container import USER

from .options import Options

PROVER = "whisper-prover"
GATEWAY = "whisper-gateway"
# Of the port that clients reach, in the pods of servers and gateway alike.
HTTP = "http"
# Of the claim in a pod and its request.
CLAIM_NAME = "gpu"
SECURITY = {
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}
_DNS = 53
# Of a network policy's rule: name servers.
DNS_PORTS = [{"port": _DNS, "protocol": protocol} for protocol in ("UDP", "TCP")]


def labels(group: Mapping[str, Any] | None = None, component: str = "") -> dict[str, str]:
    """Kubernetes' recommended labels. ``component``: its name, where it is not the server."""
    return {
        "app.kubernetes.io/name": component or NAME,
        **({"app.kubernetes.io/instance": group["name"]} if group else {}),
        "app.kubernetes.io/component": component.rpartition("-")[2] or "server",
        "app.kubernetes.io/part-of": "whisperops.gpu",
        MANAGED_BY[0]: MANAGED_BY[1],
    }


def pull_secrets(options: Options) -> dict[str, Any]:
    return {"imagePullSecrets": [{"name": name} for name in options.pull_secrets]} if options.pull_secrets else {}


def server_pods() -> dict[str, str]:
    """Labels by which the pods of all groups are chosen, and no others."""
    return {"app.kubernetes.io/name": NAME}


def gateway_pods() -> dict[str, str]:
    return {"app.kubernetes.io/name": GATEWAY}


def unprivileged() -> dict[str, Any]:
    """Of a pod that asks nothing of the API, finds no other service by variables, and runs as the servers' user."""
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def spread(pods: Mapping[str, str]) -> dict[str, Any]:
    """One node's end is not the end of all of them, as far as there are several."""
    constraint = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(pods)},
    }
    return {"topologySpreadConstraints": [constraint]}
