"""Pods of our servers as an API server lists them."""

from __future__ import annotations

GPU = "GPU-3f0f4e5c-0000-0000-0000-000000001080"
CONTAINER = "a" * 64
GATE = "whisperops.gpu/proven"


def pod(name="whisper-1", verdict="native", container=CONTAINER, ready=True, condition=None, **more):
    devices = more.get("devices", [(GPU, "Healthy")] if verdict != "cpu" else [])
    resources = [{"resourceID": device, "health": health} for device, health in devices]
    server = {
        "name": "server",
        "containerID": f"containerd://{container}" if container else "",
        "ready": ready,
        "state": {"running": {}} if container else {"waiting": {"reason": "ContainerCreating"}},
        "allocatedResourcesStatus": [{"name": "nvidia.com/gpu", "resources": resources}] if resources else [],
    }
    conditions = [{"type": "ContainersReady", "status": "True"}]
    if condition:
        conditions.append({"type": GATE, "lastTransitionTime": "2026-11-29T10:00:00Z", **condition})
    return {
        "metadata": {"name": name, "namespace": "whisper", "annotations": {"whisperops.gpu/verdict": verdict}},
        "spec": {"readinessGates": [{"conditionType": GATE}]},
        "status": {
            "phase": "Running",
            "podIP": "10.0.0.7",
            "conditions": conditions,
            "containerStatuses": [{"name": "prover", "ready": True}, server],
        },
    }
