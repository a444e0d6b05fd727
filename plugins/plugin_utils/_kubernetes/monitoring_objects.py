# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the operators of Prometheus and of KEDA read: the gateway's metrics, alerts, and the scale of a group.

whisper.cpp's server has no metrics. Who waits for it, the gateway knows.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from .gateway_objects import METRICS
from .names import GATEWAY, gateway_pods, labels
from .options import Options

# https://github.com/prometheus-operator/prometheus-operator, https://keda.sh
OPERATOR, SCALER = "monitoring.coreos.com/v1", "keda.sh/v1alpha1"


def monitoring_objects(options: Options) -> list[dict[str, Any]]:
    return [_monitor(options), _rules(options)] if options.monitoring else []


def _metadata(options: Options) -> dict[str, Any]:
    return {"name": GATEWAY, "namespace": options.namespace, "labels": labels(component=GATEWAY)}


def _monitor(options: Options) -> dict[str, Any]:
    return {
        "apiVersion": OPERATOR,
        "kind": "PodMonitor",
        "metadata": _metadata(options),
        "spec": {
            "selector": {"matchLabels": gateway_pods()},
            "podMetricsEndpoints": [{"port": METRICS, "path": "/metrics"}],
        },
    }


def _of_gateway(options: Options, **labels_of_metric: str) -> str:
    chosen = {"namespace": options.namespace, "container": "haproxy", **labels_of_metric}
    return "{" + ",".join(f'{name}="{value}"' for name, value in chosen.items()) + "}"


def waiting(options: Options) -> str:
    """Requests that have a server or wait for one, over all gateways."""
    return f"sum(haproxy_backend_current_sessions{_of_gateway(options, proxy='servers')})"


def scaled_object(
    group: Mapping[str, Any], groups: Iterable[Mapping[str, Any]], options: Options
) -> list[dict[str, Any]]:
    """As many servers as there are requests, each group with its part of all GPUs. KEDA sets the Deployment's scale."""
    if not options.prometheus_url:
        return []
    most, all_of_them = room(group), sum(room(one) for one in groups)
    trigger = {
        "type": "prometheus",
        "metricType": "AverageValue",
        "metadata": {
            "serverAddress": options.prometheus_url,
            "query": f"{waiting(options)} * {most} / {all_of_them}",
            "threshold": "1",
        },
    }
    name = group["name"]
    return [
        {
            "apiVersion": SCALER,
            "kind": "ScaledObject",
            "metadata": {"name": name, "namespace": options.namespace, "labels": labels(group)},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
                "minReplicaCount": min(options.min_servers, most),
                "maxReplicaCount": most,
                # Where Prometheus is silent, nobody knows how many are needed.
                "fallback": {"failureThreshold": 3, "replicas": most},
                "triggers": [trigger],
            },
        }
    ]


def room(group: Mapping[str, Any]) -> int:
    """The most servers of a group: as planned, which is one for each free GPU or fewer if the operator says so."""
    return max(1, int(group["servers"]))


def _rules(options: Options) -> dict[str, Any]:
    unavailable = f'kube_deployment_status_replicas_unavailable{{namespace="{options.namespace}"}}'
    queue = f"haproxy_backend_current_queue{_of_gateway(options, proxy='servers')}"
    up = f"haproxy_server_status{_of_gateway(options, proxy='servers', state='UP')}"
    rules = [
        _alert(
            "WhisperPodsUnproven",
            f"{unavailable} > 0",
            "15m",
            ("warning", "{{ $labels.deployment }}: {{ $value }} pods do not serve"),
            "{{ $value }} pods of {{ $labels.deployment }} are not available. The reason is in their condition"
            " whisperops.gpu/proven.",
        ),
        _alert(
            "WhisperNoServer",
            f"sum({up}) == 0 or absent({up})",
            "1m",
            ("critical", "No server is up"),
            "No gateway has a server that is ready and proven. Every request is refused.",
        ),
        _alert(
            "WhisperQueueGrowing",
            f"sum({queue}) > 10 and sum(delta({queue}[10m])) >= 0",
            "10m",
            ("warning", "{{ $value }} requests wait"),
            "{{ $value }} requests wait for a free server, and they do not become fewer.",
        ),
    ]
    return {
        "apiVersion": OPERATOR,
        "kind": "PrometheusRule",
        "metadata": _metadata(options),
        "spec": {"groups": [{"name": f"{options.namespace}-whisper", "rules": rules}]},
    }


def _alert(name: str, expression: str, after: str, told: tuple[str, str], description: str) -> dict[str, Any]:
    severity, summary = told
    return {
        "alert": name,
        "expr": expression,
        "for": after,
        "labels": {"severity": severity},
        "annotations": {"summary": summary, "description": description},
    }
