# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the prover needs in the cluster: its program, its rights, and where it runs on nodes a namespace of its own."""

from __future__ import annotations

import base64
import json
import os
from typing import Any, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.names import NAME
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._server.container import PORT

from . import prover_pod
from .names import PROVER, labels, pull_secrets
from .options import Options

# Of the reference audio, after the server is ready: several, with what a driver compiles.
PROOF_SECONDS = 300
# Of the service `kubernetes`, and of the API servers behind it.
_API_PORTS = (443, 6443)
# The API server's limit is 1 MiB with all that is around it.
_LARGEST_CONFIG_MAP = 1_000_000
# Larger than the annotation in which client-side apply keeps the last object.
_SERVER_SIDE = {"argocd.argoproj.io/sync-options": "ServerSideApply=true"}


def namespace(options: Options) -> dict[str, Any]:
    """`hostPID` is what the standards `restricted` and `baseline` forbid."""
    levels = {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "warn", "audit")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": options.prover_namespace, "labels": {**labels(component=PROVER), **levels}},
    }


def prover_objects(plan: Mapping[str, Any], options: Options, program: bytes) -> list[dict[str, Any]]:
    """``program``: what Python runs, with all that it imports."""
    if not options.gate:
        return []
    terms = prover_pod.node_terms(plan, options)
    places = [
        *([options.namespace] if prover_pod.in_pods(plan, options) else []),
        *([options.prover_namespace] if terms else []),
    ]
    content = _content(options, program)
    return [
        *({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata(place)} for place in places),
        *_rights(places, options),
        *(_config_map(place, content) for place in places),
        *([_network_policy(options)] if options.namespace in places else []),
        *([_daemon_set(terms, plan["tolerations"], options)] if terms else []),
    ]


def _metadata(place: str) -> dict[str, Any]:
    return {"name": PROVER, "namespace": place, "labels": labels(component=PROVER)}


def _rights(places: list[str], options: Options) -> list[dict[str, Any]]:
    api = "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
        {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods/status"], "verbs": ["patch"]},
    ]
    subjects = [{"kind": "ServiceAccount", "name": PROVER, "namespace": place} for place in places]
    return [
        {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": _metadata(options.namespace), "rules": rules},
        {
            "apiVersion": f"{api}/v1",
            "kind": "RoleBinding",
            "metadata": _metadata(options.namespace),
            "roleRef": {"apiGroup": api, "kind": "Role", "name": PROVER},
            "subjects": subjects,
        },
    ]


def _content(options: Options, program: bytes) -> dict[str, Any]:
    """The collection's own modules as one file for Python, the reference audio, and what the proof is told."""
    proof = options.proof
    audio = os.path.basename(options.audio)
    with open(options.audio, "rb") as file:
        files = {"prover.pyz": program, audio: file.read()}
    settings = {
        "audio": audio,
        "expected_text": proof["whisper_proof_text"],
        "language": proof["whisper_proof_language"] or ("en" if proof["whisper_proof_audio"] == "jfk.wav" else ""),
        "similarity": proof["whisper_proof_similarity"],
        "timeout_seconds": proof["whisper_proof_timeout_seconds"],
        "watch_seconds": proof["whisper_proof_watch_seconds"],
        "interval_seconds": options.prover_interval_seconds,
        "namespace": options.namespace,
        "labels": f"app.kubernetes.io/name={NAME}",
        "port": PORT,
        "path": options.server["whisper_server_inference_path"],
    }
    if sum(map(len, files.values())) > _LARGEST_CONFIG_MAP:
        problem = Problem.documented(
            "reference_audio_too_large",
            f"The reference audio {options.audio} has {len(files[audio]) // 1024} KiB: with the prover it does not fit"
            " into a ConfigMap.",
            "Set whisper_proof_audio to audio of some ten seconds, or to a compressed file.",
        )
        raise PlanInputError(str(problem))
    return {
        "data": {"settings.json": json.dumps(settings, indent=2, sort_keys=True) + "\n"},
        "binaryData": {name: base64.b64encode(content).decode() for name, content in sorted(files.items())},
    }


def _config_map(place: str, content: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {**_metadata(place), "annotations": _SERVER_SIDE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **content}


def _network_policy(options: Options) -> dict[str, Any]:
    """A policy knows the API server by nothing but its ports."""
    ports = [{"port": port, "protocol": "TCP"} for port in _API_PORTS]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _metadata(options.namespace),
        "spec": {
            "podSelector": {"matchLabels": prover_pod.SIDECAR},
            "policyTypes": ["Egress"],
            "egress": [{"ports": ports}],
        },
    }


def source(options: Options) -> dict[str, Any]:
    """The DaemonSet as a peer of a network policy."""
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": options.prover_namespace}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": PROVER}},
    }


def _daemon_set(
    terms: list[Mapping[str, Any]], tolerations: list[Mapping[str, Any]], options: Options
) -> dict[str, Any]:
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    security = {
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        # To read what the processes of the servers, which are another user's, hold open.
        "capabilities": {"drop": ["ALL"], "add": ["DAC_READ_SEARCH", "SYS_PTRACE"]},
    }
    # NVIDIA's runtime gives the GPUs and NVML by these.
    variables = [
        {"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"},
        {"name": "NVIDIA_DRIVER_CAPABILITIES", "value": "utility"},
    ]
    container = prover_pod.container(options, "NODE_NAME", "spec.nodeName", security)
    container["env"] += variables
    annotations = {"annotations": dict(options.prover_annotations)} if options.prover_annotations else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": _metadata(options.prover_namespace),
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/name": PROVER}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%"}},
            "template": {
                "metadata": {"labels": labels(component=PROVER), **annotations},
                "spec": {
                    "serviceAccountName": PROVER,
                    "enableServiceLinks": False,
                    "hostPID": True,
                    "securityContext": {"runAsUser": 0, "seccompProfile": {"type": "RuntimeDefault"}},
                    **({"runtimeClassName": options.runtime_class} if options.runtime_class else {}),
                    **pull_secrets(options),
                    "affinity": {"nodeAffinity": affinity},
                    "tolerations": [dict(one) for one in tolerations],
                    "containers": [container],
                    "volumes": [{"name": "prover", "configMap": {"name": PROVER}}],
                },
            },
        },
    }
