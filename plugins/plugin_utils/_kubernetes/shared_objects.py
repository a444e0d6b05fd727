# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects that all groups share: namespace, Service, network policy, storage, Ingress."""

from __future__ import annotations

from typing import Any, Iterable, Mapping
from urllib.parse import urlsplit

from ansible_collections.whisperops.gpu.plugins.plugin_utils._server.container import PORT, ModelFile

from . import gateway_objects, prover_objects, prover_pod
from .names import DNS_PORTS, HTTP, gateway_pods, labels, server_pods
from .options import CLAIM, NEW_CLAIM, Options

SERVICE = "whisper"
# The name by which the gateway finds the pods.
PODS = "whisper-servers"
# https://gateway-api.sigs.k8s.io/reference/spec/#httproute
ROUTE = "gateway.networking.k8s.io/v1"
_PORT_OF = {"http": 80, "https": 443}


def namespace(options: Options) -> dict[str, Any]:
    """With the strictest of Kubernetes' pod security standards: the API refuses a pod that is not hardened."""
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": options.namespace, "labels": {**labels(), **levels}},
    }


def shared_objects(models: Iterable[ModelFile], plan: Mapping[str, Any], options: Options) -> list[dict[str, Any]]:
    models = list(models)
    gateway = [gateway_objects.source()]
    clients = [*gateway, *options.sources] if options.switching else gateway if options.gateway else options.sources
    sources = [*clients, *([prover_objects.source(options)] if prover_pod.on_node(plan, options) else [])]
    return [
        *([_claim(models, options)] if options.model_storage == NEW_CLAIM else []),
        *([] if options.switching else [_service(SERVICE, _clients_reach(options), options)]),
        _network_policy(models, sources, options),
        # Without an address of its own, so that its name has those of the pods, as far as they are ready.
        *([_service(PODS, {"clusterIP": "None", "selector": server_pods()}, options)] if options.gateway else []),
        *([_ingress(options)] if options.ingress_host else []),
        *([_route(options)] if options.route_parents else []),
    ]


def _metadata(name: str, options: Options) -> dict[str, Any]:
    return {"name": name, "namespace": options.namespace, "labels": labels()}


def _clients_reach(options: Options) -> dict[str, Any]:
    return {"type": "ClusterIP", "selector": gateway_pods() if options.gateway else server_pods()}


def _service(name: str, spec: Mapping[str, Any], options: Options) -> dict[str, Any]:
    ports = [{"name": HTTP, "port": PORT, "targetPort": HTTP, "protocol": "TCP"}]
    metadata = _metadata(name, options)
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {**spec, "ports": ports}}


def _network_policy(
    models: Iterable[ModelFile], sources: Iterable[Mapping[str, Any]], options: Options
) -> dict[str, Any]:
    """Servers are asked by those who may, and ask nobody but for their model. A policy knows no names of hosts."""
    ports = [] if options.model_storage == CLAIM else sorted({_port(model.url) for model in models})
    egress = [{"ports": [*DNS_PORTS, *({"port": port, "protocol": "TCP"} for port in ports)]}] if ports else []
    sources = [dict(one) for one in sources]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _metadata(SERVICE, options),
        "spec": {
            "podSelector": {"matchLabels": server_pods()},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": sources, "ports": [{"port": HTTP, "protocol": "TCP"}]}] if sources else [],
            "egress": egress,
        },
    }


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or _PORT_OF.get(parts.scheme, _PORT_OF["https"])


def _claim(models: Iterable[ModelFile], options: Options) -> dict[str, Any]:
    """Pods of all nodes write the model to it and read it."""
    storage = sum(2 * model.size_mib for model in set(models))
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": _metadata(options.model_claim, options),
        "spec": {
            "accessModes": ["ReadWriteMany"],
            **({"storageClassName": options.storage_class} if options.storage_class else {}),
            "resources": {"requests": {"storage": f"{storage}Mi"}},
        },
    }


def _ingress(options: Options) -> dict[str, Any]:
    host, secret = options.ingress_host, options.ingress_tls_secret
    annotations = dict(options.ingress_annotations)
    backend = {"service": {"name": SERVICE, "port": {"name": HTTP}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {**_metadata(SERVICE, options), **({"annotations": annotations} if annotations else {})},
        "spec": {
            **({"ingressClassName": options.ingress_class} if options.ingress_class else {}),
            **({"tls": [{"hosts": [host], "secretName": secret}]} if secret else {}),
            "rules": [{"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}],
        },
    }


def _route(options: Options) -> dict[str, Any]:
    """Of Gateway API. The gateway that it names ends TLS, and is the cluster's."""
    names = {"hostnames": list(options.route_hostnames)} if options.route_hostnames else {}
    return {
        "apiVersion": ROUTE,
        "kind": "HTTPRoute",
        "metadata": _metadata(SERVICE, options),
        "spec": {
            "parentRefs": [dict(one) for one in options.route_parents],
            **names,
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                    "backendRefs": [{"name": SERVICE, "port": PORT}],
                }
            ],
        },
    }
