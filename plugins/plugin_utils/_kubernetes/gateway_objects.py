# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gateway in front of the pods: the HAProxy of hosts, with its keys and its queue, as a Deployment.

Its configuration is the one that role whisper_gateway renders. It finds the pods by the name of a service that has no
address of its own: what is in the name is ready, and so proven.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .names import (
    DNS_PORTS,
    GATEWAY,
    HTTP,
    SECURITY,
    gateway_pods,
    labels,
    pull_secrets,
    server_pods,
    spread,
    unprivileged,
)
from .options import Options

# As roles/whisper_kubernetes/tasks/gateway.yml has the configuration rendered.
PORT, METRICS_PORT = 8000, 8405
METRICS = "metrics"
_FOLDER, _TLS_FOLDER = "/etc/whisper/gateway", "/etc/whisper/tls"
# Until every node knows that the pod is to get no further connections.
_DRAIN_SECONDS = 10
# Kubernetes leaves pods on a node that is lost for five minutes.
_LOST_SECONDS = 30
_LOST = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def gateway_objects(options: Options) -> list[dict[str, Any]]:
    if not options.gateway:
        return []
    return [_config_map(options), _network_policy(options), _deployment(options), _budget(options)]


def source() -> dict[str, Any]:
    """The gateway as a peer of a network policy."""
    return {"podSelector": {"matchLabels": gateway_pods()}}


def _metadata(options: Options) -> dict[str, Any]:
    return {"name": GATEWAY, "namespace": options.namespace, "labels": _labels()}


def _labels() -> dict[str, str]:
    """The rollout waits for it as for a group."""
    return labels({"name": GATEWAY}, component=GATEWAY)


def _config_map(options: Options) -> dict[str, Any]:
    """Of keys it has the SHA-256."""
    files = dict(sorted(options.gateway_rendered["files"].items()))
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata(options), "data": files}


def _network_policy(options: Options) -> dict[str, Any]:
    ingress = [
        {"from": [dict(one) for one in peers], "ports": [{"port": port, "protocol": "TCP"}]}
        for peers, port in ((options.sources, HTTP), (options.metrics_sources, METRICS))
        if peers
    ]
    servers = {"to": [{"podSelector": {"matchLabels": server_pods()}}], "ports": [{"port": HTTP, "protocol": "TCP"}]}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _metadata(options),
        "spec": {
            "podSelector": {"matchLabels": gateway_pods()},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": [{"ports": DNS_PORTS}, servers],
        },
    }


def _deployment(options: Options) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(options),
        "spec": {
            "replicas": options.gateway_replicas,
            "revisionHistoryLimit": 3,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": gateway_pods()},
            "template": {
                # HAProxy does not read a changed file by itself: with another checksum there are other pods.
                "metadata": {"labels": _labels(), "annotations": {_CHECKSUM: _checksum(options)}},
                "spec": _pod(options),
            },
        },
    }


_CHECKSUM = "whisperops.gpu/configuration"


def _checksum(options: Options) -> str:
    return hashlib.sha256(json.dumps(options.gateway_rendered["files"], sort_keys=True).encode()).hexdigest()


def _pod(options: Options) -> dict[str, Any]:
    secret = options.gateway_tls_secret
    return {
        **unprivileged(),
        **pull_secrets(options),
        "tolerations": [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _LOST_SECONDS}
            for key in _LOST
        ],
        **spread(gateway_pods()),
        # HAProxy ends by itself when its last request may have ended.
        "terminationGracePeriodSeconds": _DRAIN_SECONDS + int(options.gateway_rendered["stop_seconds"]),
        "containers": [_container(options)],
        "volumes": [
            {"name": "configuration", "configMap": {"name": GATEWAY}},
            *([{"name": "tls", "secret": {"secretName": secret, "defaultMode": 0o440}}] if secret else []),
        ],
    }


def _container(options: Options) -> dict[str, Any]:
    up = {"httpGet": {"path": "/configuration", "port": METRICS}}
    # To the signal of Kubernetes HAProxy ends at once; to this one with its last request.
    drain = f"sleep {_DRAIN_SECONDS}; kill -USR1 1; while :; do sleep 5; done"
    return {
        "name": "haproxy",
        "image": options.gateway_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["haproxy", "-db", "-f", f"{_FOLDER}/haproxy.cfg"],
        "ports": [
            {"name": HTTP, "containerPort": PORT},
            {"name": METRICS, "containerPort": METRICS_PORT},
        ],
        # Also without a server it is ready: it says so to clients, in a form that they know.
        "readinessProbe": {**up, "periodSeconds": 5},
        "livenessProbe": {**up, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
        "lifecycle": {"preStop": {"exec": {"command": ["/bin/sh", "-c", drain]}}},
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": SECURITY,
        "volumeMounts": [
            {"name": "configuration", "mountPath": _FOLDER, "readOnly": True},
            *([{"name": "tls", "mountPath": _TLS_FOLDER, "readOnly": True}] if options.gateway_tls_secret else []),
        ],
    }


def _budget(options: Options) -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _metadata(options),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": gateway_pods()}},
    }
