# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API says of a pod that has a server. Private to this collection."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.names import GATE, SERVER, VERDICT

_CODE = ("native", "same_major", "jit", "none")


class ServerPod(NamedTuple):
    name: str
    address: str
    # ID of the server's container; another one after each restart. Empty where none runs.
    container: str
    # Whether the server answers its probe.
    ready: bool
    # Of the plan.
    verdict: str
    # As the kubelet names the devices of the server: UUIDs, or what the device plugin calls them.
    devices: tuple[str, ...] = ()
    unhealthy: tuple[str, ...] = ()
    # The gate's condition as it stands; empty before the first proof.
    condition: Mapping[str, Any] = {}

    @property
    def on_gpu(self) -> bool:
        return self.verdict != "cpu"

    @property
    def device_code(self) -> str | None:
        return self.verdict if self.verdict in _CODE else None

    @property
    def proven(self) -> bool:
        return self.condition.get("status") == "True"


def server_pod(pod: Mapping[str, Any]) -> ServerPod | None:
    """None for a pod without the gate, and for one that ends."""
    metadata, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    gated = any(gate.get("conditionType") == GATE for gate in spec.get("readinessGates") or ())
    if not gated or metadata.get("deletionTimestamp") or status.get("phase") in ("Succeeded", "Failed"):
        return None
    found: Mapping[str, Any] = next(
        (one for one in status.get("containerStatuses") or () if one.get("name") == SERVER), {}
    )
    devices = [
        device
        for allocated in found.get("allocatedResourcesStatus") or ()
        for device in allocated.get("resources") or ()
    ]
    running = "running" in (found.get("state") or {})
    return ServerPod(
        name=metadata["name"],
        address=str(status.get("podIP") or ""),
        container=str(found.get("containerID") or "").rpartition("//")[2] if running else "",
        ready=bool(running and found.get("ready") and status.get("podIP")),
        verdict=str((metadata.get("annotations") or {}).get(VERDICT) or ""),
        devices=tuple(str(device.get("resourceID")) for device in devices),
        unhealthy=tuple(str(device.get("resourceID")) for device in devices if device.get("health") == "Unhealthy"),
        condition=next((one for one in status.get("conditions") or () if one.get("type") == GATE), {}),
    )
