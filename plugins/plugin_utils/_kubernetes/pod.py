# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pod of a group: server, model, probes, and the hardening that a server's container has on a host too."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.names import NAME, SERVER
from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.slices import DRIVER_NAME
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import server_limits
from ansible_collections.whisperops.gpu.plugins.plugin_utils._server import model_fetch
from ansible_collections.whisperops.gpu.plugins.plugin_utils._server.container import (
    PORT,
    ModelFile,
    command,
    environment,
)

from . import prover_pod
from .names import CLAIM_NAME, SECURITY, pull_secrets, spread, unprivileged
from .options import CLAIM, DOWNLOAD, Options

# The slowest storage that a model is loaded from, and what CUDA takes before.
SLOWEST_MIB_S = 20
STARTUP_SECONDS = 60
# A driver compiles the code of a whole image before the first start.
JIT_SECONDS = 1800
STARTUP_PERIOD = 5
# Until every node knows that the pod is to get no further requests.
DRAIN_SECONDS = 10
TERMINATION_SECONDS = 120


def startup_seconds(model: ModelFile, verdict: str) -> int:
    """How long a server may take until it has loaded its model."""
    return STARTUP_SECONDS + -(-model.size_mib // SLOWEST_MIB_S) + (JIT_SECONDS if verdict == "jit" else 0)


def pod_spec(
    group: Mapping[str, Any], tolerations: list[Mapping[str, Any]], model: ModelFile, options: Options
) -> dict[str, Any]:
    claimed = group["source"] == "resource_slices"
    return {
        **unprivileged(),
        **prover_pod.gated(group, options),
        **({"runtimeClassName": options.runtime_class} if options.runtime_class and group["runtime"] == "cuda" else {}),
        **pull_secrets(options),
        **_placement(group, tolerations),
        **({"resourceClaims": [{"name": CLAIM_NAME, "resourceClaimTemplateName": group["name"]}]} if claimed else {}),
        "terminationGracePeriodSeconds": TERMINATION_SECONDS,
        "initContainers": [_model_container(model, options)],
        "containers": [_server(group, model, options), *prover_pod.containers(group, options)],
        "volumes": [*_volumes(group, model, options), *prover_pod.volumes(group, options)],
    }


def _placement(group: Mapping[str, Any], tolerations: list[Mapping[str, Any]]) -> dict[str, Any]:
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": group["affinity"]}}
    return {
        **({"affinity": {"nodeAffinity": affinity}} if group["affinity"] else {}),
        "tolerations": [dict(one) for one in tolerations],
        **spread(selector(group)),
    }


def selector(group: Mapping[str, Any]) -> dict[str, str]:
    """It cannot be changed in a Deployment: nothing that another plan changes is in it."""
    return {"app.kubernetes.io/name": NAME, "app.kubernetes.io/instance": group["name"]}


def _server(group: Mapping[str, Any], model: ModelFile, options: Options) -> dict[str, Any]:
    health = {"httpGet": {"path": "/health", "port": "http"}}
    seconds = startup_seconds(model, group["verdict"])
    variables = environment(group)
    if group["source"] == "labels":
        variables.setdefault("NVIDIA_DRIVER_CAPABILITIES", "compute,utility")
    return {
        "name": SERVER,
        "image": group["image"],
        "imagePullPolicy": "IfNotPresent",
        # One entry point for every image: the official one's is a shell, which would pass on no signals.
        "command": ["whisper-server"],
        "args": command(group, model, options.server),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        **({"env": [{"name": name, "value": value} for name, value in sorted(variables.items())]} if variables else {}),
        "ports": [{"name": "http", "containerPort": PORT}],
        # /health is 503 until the model is loaded.
        "startupProbe": {
            **health,
            "periodSeconds": STARTUP_PERIOD,
            "failureThreshold": -(-seconds // STARTUP_PERIOD),
        },
        "readinessProbe": {**health, "periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 3},
        # With all of its threads busy the server does not answer either: that is no reason to end it soon.
        "livenessProbe": {**health, "periodSeconds": 30, "timeoutSeconds": 10, "failureThreshold": 10},
        "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "resources": _resources(group, options),
        "securityContext": SECURITY,
        "volumeMounts": [
            {"name": "models", "mountPath": "/models", "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},
            *([{"name": "jit-cache", "mountPath": "/jit_cache"}] if group["verdict"] == "jit" else []),
        ],
    }


def _resources(group: Mapping[str, Any], options: Options) -> dict[str, Any]:
    plan = {"model": group["model"], "runtime": group["runtime"], "servers": [None]}
    # A pod has no limit of processes: the kubelet has one for all pods.
    limits = server_limits.server_limits(plan, {**options.server, "whisper_server_pids_limit": server_limits.NONE}, {})
    needed = server_limits.needed_mib(group["model"], on_cpu=group["runtime"] == "cpu")
    memory = limits.memory_mib
    gpu = {group["resource"]: 1} if group["source"] == "labels" else {}
    found: dict[str, Any] = {
        "requests": {"cpu": options.cpu_request, "memory": f"{min(needed, memory or needed)}Mi"},
        **({"limits": {**({"memory": f"{memory}Mi"} if memory else {}), **gpu}} if memory or gpu else {}),
    }
    if group["resource"] == DRIVER_NAME:
        found["claims"] = [{"name": CLAIM_NAME}]
    return found


def _model_container(model: ModelFile, options: Options) -> dict[str, Any]:
    checked = options.model_storage == CLAIM
    variables = model_fetch.variables(model, download=not checked)
    return {
        "name": "model",
        "image": options.fetch_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c", model_fetch.VERIFY if checked else model_fetch.DOWNLOAD],
        # Its last words are the reason that the run tells.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": SECURITY,
        "volumeMounts": [{"name": "models", "mountPath": "/models", **({"readOnly": True} if checked else {})}],
    }


def _volumes(group: Mapping[str, Any], model: ModelFile, options: Options) -> list[dict[str, Any]]:
    upload = int(options.server["whisper_server_upload_mib"])
    if options.model_storage == DOWNLOAD:
        # What exceeds it evicts the pod.
        models: dict[str, Any] = {"emptyDir": {"sizeLimit": f"{2 * model.size_mib}Mi"}}
    else:
        claim = {"claimName": options.model_claim}
        models = {"persistentVolumeClaim": {**claim, **({"readOnly": True} if options.model_storage == CLAIM else {})}}
    return [
        {"name": "models", **models},
        {"name": "tmp", "emptyDir": {"sizeLimit": f"{server_limits.UPLOAD_FACTOR * upload}Mi"}},
        *([{"name": "jit-cache", "emptyDir": {"sizeLimit": "5Gi"}}] if group["verdict"] == "jit" else []),
    ]
