# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a cluster or a node of it can have that keeps it from serving. Private to this collection."""

from __future__ import annotations

from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem


def client_missing(said: str) -> Problem:
    return Problem.documented(
        "kubernetes_client_missing",
        f"The Python that runs the module has no client for Kubernetes ({said}).",
        "Install it there: pip install 'kubernetes>=24.2.0' jsonpatch.",
    )


def kubeconfig_invalid(kubeconfig: str | None, context: str | None, said: str) -> Problem:
    where = f"The kubeconfig {kubeconfig}" if kubeconfig else "The default kubeconfig"
    which = f" with context {context}" if context else ""
    return Problem.documented(
        "kubeconfig_invalid",
        f"{where}{which} cannot be used: {said}.",
        "Set whisper_kubernetes_kubeconfig and whisper_kubernetes_context of the cluster.",
    )


def unreachable(server: str, said: str) -> Problem:
    return Problem.documented(
        "kubernetes_unreachable",
        f"The API server {server} does not answer: {said}.",
        "Check its address, the network, and the certificate authority in the kubeconfig.",
    )


def unauthorized(server: str) -> Problem:
    return Problem.documented(
        "kubernetes_unauthorized",
        f"The API server {server} does not accept the credentials of the kubeconfig.",
        "Renew them, or choose another context.",
    )


def access_denied(said: str, wanted: str) -> Problem:
    return Problem.documented(
        "kubernetes_access_denied", f"{said.rstrip('.')}.", f"Have a cluster role bound to the user that may {wanted}."
    )


def not_ready(node: str, reason: str) -> Problem:
    return Problem.documented(
        "node_not_ready", f"Node {node} is not ready: {reason}.", "Repair the node; it is planned once it is ready."
    )


def cordoned(node: str) -> Problem:
    return Problem.documented(
        "node_cordoned",
        f"Node {node} is cordoned: no pod is scheduled there.",
        "Uncordon it if its maintenance is over.",
    )


def labels_missing(node: str) -> Problem:
    return Problem.documented(
        "gpu_feature_discovery_missing",
        f"Node {node} has an NVIDIA GPU, and no labels that say which.",
        "Run NVIDIA's GPU feature discovery there (with the GPU operator, or with the device plugin).",
    )


def device_plugin_missing(node: str) -> Problem:
    return Problem.documented(
        "device_plugin_missing",
        f"Node {node} has an NVIDIA GPU, and offers none to pods.",
        "Run NVIDIA's device plugin, or its driver for dynamic resource allocation, on it.",
    )


def mixed(node: str, labelled: int, offered: int) -> Problem:
    return Problem.documented(
        "node_mixed_gpus",
        f"Node {node} offers {offered} GPUs, and its labels describe {labelled}: it has GPUs of several kinds, and a"
        " pod cannot ask for one of them by its labels.",
        "Use NVIDIA's driver for dynamic resource allocation there, or put GPUs of one kind into each node.",
    )


def unhealthy(node: str, resource: str, count: int, devices: list[str]) -> Problem:
    names = f" ({', '.join(devices)})" if devices else ""
    return Problem.documented(
        "gpu_unhealthy",
        f"Node {node} has {count} unhealthy {resource}{names}.",
        "The log of the device plugin, or of the driver for dynamic resource allocation, names the Xid error; if the"
        " device plugin does not run, all devices are unhealthy. Pods that hold such a device go on without it.",
    )
