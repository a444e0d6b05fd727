"""A cluster with every kind of node that the plan knows, as objects for an API server without kubelets.

The labels of the GTX 1080 are those that NVIDIA's GPU feature discovery 0.18 wrote (tests/fixtures/kubernetes). The
others are written like them; devices of ResourceSlices have the attributes that NVIDIA's driver publishes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "kubernetes"
NVIDIA = "nvidia.com/"
GPU = "nvidia.com/gpu"


def discovered() -> dict[str, str]:
    lines = (FIXTURES / "gfd-gtx1080.labels").read_text("utf-8").split()
    return {"nvidia.com/gpu.present": "true", **dict(line.split("=", 1) for line in lines)}


CUDA_OF = {"580.95.05": "13.0", "470.256.02": "11.4"}


def labels(product: str, capability: str, memory: int, count: int = 1, driver: str = "580.95.05") -> dict[str, str]:
    """As the newer releases of GPU feature discovery write them, without the deprecated spelling."""
    (major, minor), (branch, *version), cuda = capability.split("."), driver.split("."), CUDA_OF[driver]
    values = {
        "gpu.present": "true",
        "gpu.product": product,
        "gpu.compute.major": major,
        "gpu.compute.minor": minor,
        "gpu.memory": str(memory),
        "gpu.count": str(count),
        "gpu.replicas": "1",
        "cuda.driver-version.full": driver,
        "cuda.driver-version.major": branch,
        "cuda.driver-version.minor": version[0],
        **({"cuda.driver-version.revision": version[1]} if len(version) > 1 else {}),
        "cuda.runtime-version.major": cuda.split(".", maxsplit=1)[0],
        "cuda.runtime-version.minor": cuda.split(".")[1],
    }
    return {NVIDIA + name: value for name, value in values.items()}


def deprecated(given: dict[str, str]) -> dict[str, str]:
    """The spelling that older releases have alone."""
    spelled = {"driver-version.revision": "driver.rev", "driver-version": "driver", "runtime-version": "runtime"}
    found = {}
    for name, value in given.items():
        if name != NVIDIA + "cuda.driver-version.full":
            old = name
            for new, before in spelled.items():
                old = old.replace(f"cuda.{new}", f"cuda.{before}")
            found[old] = value
    return found


def node(
    name: str,
    given: dict[str, str] | None = None,
    capacity: dict[str, int] | None = None,
    allocatable: dict[str, int] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """Of `spec`, `ready` is of the status."""
    ready = spec.pop("ready", True)
    base = {"kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": name}
    room = {"cpu": "32", "memory": "256Gi", "pods": "110"}
    condition = {
        "type": "Ready",
        "status": "True" if ready else "Unknown",
        "reason": "KubeletReady" if ready else "NodeStatusUnknown",
        "message": "kubelet is posting ready status" if ready else "Kubelet stopped posting node status.",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {**base, **(given or {})}},
        "spec": spec,
        "status": {
            "capacity": {**room, **{key: str(count) for key, count in (capacity or {}).items()}},
            "allocatable": {**room, **{key: str(n) for key, n in (allocatable or capacity or {}).items()}},
            "conditions": [condition],
        },
    }


GTX1080 = discovered()
A100 = labels("NVIDIA-A100-SXM4-40GB", "8.0", 40960, 8)
T4 = labels("Tesla-T4", "7.5", 15360)
H100 = labels("NVIDIA-H100-80GB-HBM3", "9.0", 81559, 8)
K80 = labels("Tesla-K80", "3.7", 11441, 2, "470.256.02")
ONE_MIG = {
    **labels("NVIDIA-A100-SXM4-40GB-MIG-3g.20gb", "8.0", 19968, 4),
    NVIDIA + "mig.strategy": "single",
}
TWO_MIG = {
    **labels("NVIDIA-A100-SXM4-40GB", "8.0", 40960, 2),
    NVIDIA + "mig.strategy": "mixed",
    NVIDIA + "mig-1g.5gb.count": "7",
    NVIDIA + "mig-1g.5gb.memory": "4864",
    NVIDIA + "mig-1g.5gb.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb",
    NVIDIA + "mig-1g.5gb.replicas": "1",
}
SHARED = {
    **labels("NVIDIA-L4-SHARED", "8.9", 23034),
    NVIDIA + "gpu.replicas": "4",
    NVIDIA + "gpu.sharing-strategy": "time-slicing",
}
GPU_TAINT = {"key": GPU, "value": "present", "effect": "NoSchedule"}
TEAM_TAINT = {"key": "team", "value": "vision", "effect": "NoSchedule"}
CONTROL_PLANE = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}

NODES = [
    node("gtx-1", GTX1080, {GPU: 2}),
    node("gtx-2", GTX1080, {GPU: 2}, {GPU: 1}),
    node("gtx-busy", GTX1080, {GPU: 2}),
    node("a100-1", A100, {GPU: 8}, taints=[GPU_TAINT]),
    node("a100-cordoned", A100, {GPU: 8}, unschedulable=True),
    node("a100-lost", A100, {GPU: 8}, ready=False),
    node("a100-team", A100, {GPU: 8}, taints=[TEAM_TAINT]),
    node("t4-new", T4, {GPU: 1}),
    node("t4-old", deprecated(T4), {GPU: 1}),
    node("h100-580", H100, {GPU: 8}),
    node("k80-1", K80, {GPU: 2}),
    node("mig-single", ONE_MIG, {GPU: 4}),
    node("mig-mixed", TWO_MIG, {GPU: 1, NVIDIA + "mig-1g.5gb": 7}),
    node("shared-1", SHARED, {GPU: 4}),
    # The labels are of one GPU, by chance of this one, and the device plugin offers another one too.
    node("mixed-1", {**A100, NVIDIA + "gpu.count": "1"}, {GPU: 2}),
    node("bare-1", {"feature.node.kubernetes.io/pci-10de.present": "true"}, {GPU: 1}),
    node("no-plugin", T4),
    node("dra-1", {NVIDIA + "gpu.present": "true"}),
    node("cpu-1"),
    node("control-1", taints=[CONTROL_PLANE]),
]


def device(name: str, uuid: str, product: str, capability: str, memory: str) -> dict[str, Any]:
    return {
        "name": name,
        "attributes": {
            "type": {"string": "gpu"},
            "uuid": {"string": uuid},
            "productName": {"string": product},
            "brand": {"string": "Nvidia"},
            "architecture": {"string": "Ampere"},
            "cudaComputeCapability": {"version": f"{capability}.0"},
            # A semantic version: 550.163.01 is not one.
            "driverVersion": {"version": "580.95.5"},
            "cudaDriverVersion": {"version": "13.0.0"},
        },
        "capacity": {"memory": {"value": memory}},
    }


SLICES = [
    {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"name": "dra-1-gpu.nvidia.com"},
        "spec": {
            "driver": "gpu.nvidia.com",
            "nodeName": "dra-1",
            "pool": {"name": "dra-1", "generation": 1, "resourceSliceCount": 1},
            "devices": [
                device("gpu-0", "GPU-aaaaaaaa-0000-0000-0000-000000000080", "NVIDIA A100-SXM4-40GB", "8.0", "40Gi"),
                device("gpu-1", "GPU-aaaaaaaa-0000-0000-0000-000000000081", "NVIDIA A100-SXM4-40GB", "8.0", "40Gi"),
                device("gpu-2", "GPU-aaaaaaaa-0000-0000-0000-000000000075", "Tesla T4", "7.5", "15Gi"),
            ],
        },
    }
]
DEVICE_CLASS = {
    "apiVersion": "resource.k8s.io/v1",
    "kind": "DeviceClass",
    "metadata": {"name": "gpu.nvidia.com"},
    "spec": {"selectors": [{"cel": {"expression": "device.driver == 'gpu.nvidia.com'"}}]},
}
# Of somebody else, with gpu-0 of the node.
CLAIM = {
    "apiVersion": "resource.k8s.io/v1",
    "kind": "ResourceClaim",
    "metadata": {"name": "training", "namespace": "default"},
    "spec": {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com"}}]}},
    "status": {
        "allocation": {
            "devices": {"results": [{"request": "gpu", "driver": "gpu.nvidia.com", "pool": "dra-1", "device": "gpu-0"}]}
        }
    },
}


def pod(name: str, where: str, gpus: int, own: bool = False, unhealthy: str = "") -> dict[str, Any]:
    status: dict[str, Any] = {"phase": "Running"}
    if unhealthy:
        broken = {"name": GPU, "resources": [{"resourceID": unhealthy, "health": "Unhealthy"}]}
        container = {
            "name": "main",
            "image": "registry.example.com/main:1",
            "imageID": "",
            "ready": True,
            "restartCount": 0,
            "allocatedResourcesStatus": [broken],
        }
        status["containerStatuses"] = [container]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "default",
            "labels": {"app.kubernetes.io/managed-by": "whisperops.gpu"} if own else {},
        },
        "spec": {
            "nodeName": where,
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "name": "main",
                    "image": "registry.example.com/main:1",
                    "resources": {"limits": {GPU: str(gpus)}},
                }
            ],
        },
        "status": status,
    }


PODS = [
    pod("training-1", "gtx-busy", 2),
    pod("training-2", "a100-1", 3),
    pod("server-of-ours", "gtx-1", 1, own=True),
    pod("server-on-a-lost-gpu", "gtx-2", 1, own=True, unhealthy="GPU-3f0f4e5c-0000-0000-0000-000000001081"),
]
OBJECTS = [*NODES, DEVICE_CLASS, *SLICES, CLAIM, *PODS]
