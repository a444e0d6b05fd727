# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be right before anything is applied; and what the user of the kubeconfig has to be allowed to do."""

from __future__ import annotations

from collections import Counter
from typing import Any, Iterator, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem

from . import monitoring_objects, prover_pod, shared_objects
from .options import NEW_CLAIM, Options

# Server-side apply of an object that is there needs patch, of a new one create too; the comparison reads it.
_VERBS = ("get", "create", "patch")


def _optional(options: Options) -> list[tuple[str, str, str, str]]:
    """Group, kind, resource and variable of each kind that not every cluster has."""
    operator, scaler, route = (
        version.partition("/")[0]
        for version in (monitoring_objects.OPERATOR, monitoring_objects.SCALER, shared_objects.ROUTE)
    )
    monitoring = "whisper_kubernetes_monitoring"
    return [
        *([(operator, "PodMonitor", "podmonitors", monitoring)] if options.monitoring else []),
        *([(operator, "PrometheusRule", "prometheusrules", monitoring)] if options.monitoring else []),
        *(
            [(scaler, "ScaledObject", "scaledobjects", "whisper_kubernetes_prometheus_url")]
            if options.prometheus_url
            else []
        ),
        *([(route, "HTTPRoute", "httproutes", "whisper_kubernetes_route_parents")] if options.route_parents else []),
    ]


def access(options: Options) -> list[dict[str, Any]]:
    inside, roles = options.namespace, "rbac.authorization.k8s.io"
    kinds = [
        *([("", "namespaces", None)] if options.create_namespace else []),
        *([("", "persistentvolumeclaims", inside)] if options.model_storage == NEW_CLAIM else []),
        ("", "services", inside),
        ("apps", "deployments", inside),
        ("policy", "poddisruptionbudgets", inside),
        ("networking.k8s.io", "networkpolicies", inside),
        *([("networking.k8s.io", "ingresses", inside)] if options.ingress_host else []),
        *((group, resource, inside) for group, _kind, resource, _variable in _optional(options)),
        *([(roles, kind, inside) for kind in ("roles", "rolebindings")] if options.gate else []),
        *([("", kind, place) for place in _places(options) for kind in ("configmaps", "serviceaccounts")]),
        *([("", "configmaps", inside)] if options.gateway and not options.gate else []),
        *([("apps", "daemonsets", options.prover_namespace)] if options.gate else []),
    ]
    wanted = [(verb, *kind) for kind in kinds for verb in _VERBS]
    # To see how far they are.
    wanted += [("list", "", "pods", inside), ("list", "apps", "deployments", inside)]
    if options.remove_outdated:
        wanted += [("delete", "apps", "deployments", inside), ("delete", "policy", "poddisruptionbudgets", inside)]
    return [
        {"verb": verb, "group": group, "resource": resource, **({"namespace": place} if place else {})}
        for verb, group, resource, place in wanted
    ]


def _places(options: Options) -> list[str]:
    return [options.namespace, options.prover_namespace] if options.gate else []


def faults(cluster: Mapping[str, Any], plan: Mapping[str, Any], options: Options) -> list[str]:
    return [str(problem) for problem in _problems(cluster, plan, options)]


def _problems(cluster: Mapping[str, Any], plan: Mapping[str, Any], options: Options) -> Iterator[Problem]:
    if not plan["groups"]:
        yield _no_node_fits(plan)
    yield from _missing(cluster, options)
    classes = cluster["storage_classes"]
    if options.model_storage == NEW_CLAIM and classes is not None:
        names = ", ".join(one["name"] for one in classes) or "none"
        if options.storage_class and options.storage_class not in [one["name"] for one in classes]:
            yield _storage_class(f"The cluster has no storage class {options.storage_class}; it has: {names}.")
        elif not options.storage_class and not any(one["default"] for one in classes):
            yield _storage_class(
                f"The cluster has no default storage class for the claim of the model; it has: {names}."
            )
    # Whether a prover runs on nodes is known only by the plan.
    unused = None if prover_pod.on_node(plan, options) else options.prover_namespace
    needed = [one for one in cluster["denied"] if not unused or one.get("namespace") != unused]
    if needed:
        denied = ", ".join(_asked(one) for one in needed)
        yield Problem.documented(
            "kubernetes_access_denied",
            f"The user of the kubeconfig may not {denied}.",
            "Bind a role that may, or hand the rendered files to those who may apply them.",
        )


def _missing(cluster: Mapping[str, Any], options: Options) -> Iterator[Problem]:
    for variable, wanted in (
        ("whisper_kubernetes_monitoring", options.monitoring),
        ("whisper_kubernetes_prometheus_url", options.prometheus_url),
    ):
        if wanted and not options.gateway:
            yield Problem.documented(
                "kubernetes_gateway_needed",
                f"{variable} is set, and whisper_kubernetes_gateway is false: nothing else has metrics.",
                "Set whisper_kubernetes_gateway: true.",
            )
    if not options.apply:
        return
    for group, kind, _resource, variable in _optional(options):
        if group not in cluster["api_groups"]:
            yield Problem.documented(
                "kubernetes_kind_missing",
                f"{variable} asks for an object of kind {kind}, and the cluster does not serve {group}.",
                f"Install what serves it, or unset {variable}.",
            )


def _storage_class(message: str) -> Problem:
    return Problem.documented(
        "storage_class_missing",
        message,
        "Set whisper_kubernetes_storage_class to one that offers ReadWriteMany, or whisper_kubernetes_model_storage to"
        " download.",
    )


def _asked(wanted: Mapping[str, Any]) -> str:
    resource = ".".join(filter(None, (wanted["resource"], wanted.get("group"))))
    inside = f" in namespace {wanted['namespace']}" if wanted.get("namespace") else ""
    return f"{wanted['verb']} {resource}{inside}"


def _no_node_fits(plan: Mapping[str, Any]) -> Problem:
    counted = Counter(one["code"] for one in plan["left_out"])
    reasons: dict[str, str] = {}
    for one in plan["left_out"]:
        reasons.setdefault(one["code"], one["reason"])
    told = " ".join(f"{counted[code]} with {code}: {reason}" for code, reason in reasons.items())
    return Problem.documented(
        "no_node_fits",
        f"No node of the cluster can serve. {told or 'It has no node.'}",
        "Follow the remedies of the nodes that are meant to serve.",
    )
