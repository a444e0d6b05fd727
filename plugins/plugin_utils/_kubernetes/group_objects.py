# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects of a group: Deployment, PodDisruptionBudget, and where a claim gets the GPU the template of claims."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.names import VERDICT
from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.slices import API_VERSION, DRIVER_NAME
from ansible_collections.whisperops.gpu.plugins.plugin_utils._server.container import ModelFile

from .names import CLAIM_NAME, labels
from .options import Options
from .pod import pod_spec, selector, startup_seconds
from .prover_objects import PROOF_SECONDS
from .prover_pod import SIDECAR, in_pod

# For the pull of an image and the download of a model, before the server starts.
FETCH_SECONDS = 900


def group_objects(
    group: Mapping[str, Any], tolerations: list[Mapping[str, Any]], model: ModelFile, options: Options
) -> list[dict[str, Any]]:
    claim = [_claim_template(group, options)] if group["source"] == "resource_slices" else []
    return [*claim, _deployment(group, tolerations, model, options), _budget(group, options)]


def _metadata(group: Mapping[str, Any], options: Options) -> dict[str, Any]:
    return {"name": group["name"], "namespace": options.namespace, "labels": labels(group)}


def _deployment(
    group: Mapping[str, Any], tolerations: list[Mapping[str, Any]], model: ModelFile, options: Options
) -> dict[str, Any]:
    annotations = {VERDICT: group["verdict"], "whisperops.gpu/model": group["model"]}
    inside = SIDECAR if options.gate and in_pod(group) else {}
    # A server that is not proven is not available: the time is that of its proof, too.
    proof = PROOF_SECONDS if options.gate else 0
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**_metadata(group, options), "annotations": annotations},
        "spec": {
            # An autoscaler's, where there is one.
            **({"replicas": group["servers"]} if options.own_replicas and not options.prometheus_url else {}),
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": startup_seconds(model, group["verdict"]) + FETCH_SECONDS + proof,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling_update(group["servers"], group["devices"])},
            "selector": {"matchLabels": selector(group)},
            "template": {
                "metadata": {
                    "labels": {**labels(group), **inside},
                    "annotations": {VERDICT: group["verdict"]},
                },
                "spec": pod_spec(group, tolerations, model, options),
            },
        },
    }


def rolling_update(servers: int, devices: int) -> dict[str, int]:
    """With a free GPU a new pod comes first. Where all have one, it would wait for ever: an old pod goes first."""
    spare = devices - servers
    if spare > 0:
        return {"maxSurge": min(spare, max(1, servers // 4)), "maxUnavailable": 0}
    return {"maxSurge": 0, "maxUnavailable": max(1, servers // 10)}


def _budget(group: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """One at a time. Never none, also of a single server: its node could not be drained."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _metadata(group, options),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": selector(group)}},
    }


def _claim_template(group: Mapping[str, Any], options: Options) -> dict[str, Any]:
    request = {
        "name": CLAIM_NAME,
        "exactly": {
            "deviceClassName": DRIVER_NAME,
            "selectors": [{"cel": {"expression": " &&\n".join(_conditions(group))}}],
        },
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "ResourceClaimTemplate",
        "metadata": _metadata(group, options),
        # The claims have the labels too: by them the next plan knows its own.
        "spec": {"metadata": {"labels": labels(group)}, "spec": {"devices": {"requests": [request]}}},
    }


def _conditions(group: Mapping[str, Any]) -> list[str]:
    """The kind of GPU that the image was chosen for. Attributes are semantic versions."""
    attributes, capacity = f"device.attributes['{DRIVER_NAME}']", f"device.capacity['{DRIVER_NAME}']"
    found = [f"{attributes}.cudaComputeCapability.compareTo(semver('{group['compute_capability']}.0')) == 0"]
    if group["driver_branch"]:
        found.append(f"{attributes}.driverVersion.major() == {group['driver_branch']}")
    if group["memory_mib"]:
        found.append(f"{capacity}.memory.compareTo(quantity('{group['memory_mib']}Mi')) >= 0")
    return found
