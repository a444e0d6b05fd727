"""Simulated GPUs of a node: NVIDIA's own programs for Kubernetes over the lab's simulated driver (tests/lab/driver).

Nothing can be computed on them, so no proof may come out true. NVIDIA's driver for dynamic resource allocation (DRA)
is to be had from no Go proxy: `kubernetes stub-dra-driver` stands for it.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

import cluster

LAB = cluster.ROOT / "tests" / "lab"
UUIDS = [f"GPU-00001080-0000-0000-0000-00000000000{number}" for number in range(2)]
DRIVER, CUDA = "550.163.01", "12.4.0"
# Two of a kind, which labels can describe, and two that they cannot: name, compute capability, MiB.
GTX1080 = ("NVIDIA GeForce GTX 1080", "6.1", 8192)
ALIKE = [GTX1080, GTX1080]
MIXED = [GTX1080, ("NVIDIA A100-PCIE-40GB", "8.0", 40960)]
CLAIMED = "gpu.nvidia.com"
UNHEALTHY = "/run/stub-gpu/unhealthy"
XID = "/run/lab-gpu/xid"
FEATURES = "/run/lab-gpu/features"
_NODES, _RESOURCES = "/api/v1/nodes", "/apis/resource.k8s.io/v1"


def driver(node: str, gpus: list[tuple[str, str, int]]) -> None:
    """The outside of the GPUs, and what nvidia-ctk says of them in the terms of CDI."""
    parts = cluster.STATE / "gpu"
    for name in ("driver", "device_plugin"):
        subprocess.run([LAB / "parts", name, parts / name], check=True)
    container = f"{cluster.NAME}-{node}"
    cluster.docker("cp", f"{parts / 'driver'}/.", f"{container}:/usr/local/lib/lab-gpu")
    cluster.docker("cp", f"{parts / 'device_plugin'}/.", f"{container}:/usr/bin")
    cluster.docker("cp", str(LAB / "driver" / "host" / "lab-gpu"), f"{container}:/usr/local/sbin/lab-gpu")
    settings = f"STUB_GPUS={len(gpus)}\nSTUB_DRIVER={DRIVER}\nSTUB_UUID={','.join(UUIDS)}\n"
    for index, (name, capability, memory) in enumerate(gpus):
        values = {"NAME": name, "CAPABILITY": capability, "TOTAL_MIB": memory}
        settings += "".join(f"STUB_G{index}_{key}={value}\n" for key, value in values.items())
    cluster.docker("exec", "--interactive", container, "tee", "/etc/lab-gpu.conf", input=settings)
    cluster.docker("exec", container, "lab-gpu")
    by_uuid = ("--device-name-strategy=uuid", "--output=/etc/cdi/nvidia.yaml")
    cluster.docker("exec", container, "nvidia-ctk", "cdi", "generate", *by_uuid)


def with_device_plugin(node: str) -> None:
    """As the GPU operator sets up a node: labels by GPU feature discovery, and GPUs by the device plugin."""
    driver(node, ALIKE)
    container = f"{cluster.NAME}-{node}"
    alone = ("--oneshot", "--no-timestamp", "--use-node-feature-api=false")
    discover = ("gpu-feature-discovery", *alone, f"--output-file={FEATURES}")
    cluster.docker("exec", container, *discover)
    found = cluster.docker("exec", container, "cat", FEATURES)
    labels = dict(line.split("=", 1) for line in found.split())
    # That of node feature discovery, which sees the PCI device.
    change = json.dumps({"metadata": {"labels": {"nvidia.com/gpu.present": "true", **labels}}})
    kind = "Content-Type: application/merge-patch+json"
    cluster.kube(f"{_NODES}/{node}", "--request", "PATCH", "--header", kind, "--data", change)
    run_device_plugin(node)


def run_device_plugin(node: str) -> None:
    hook = "--container-driver-root=/ --nvidia-cdi-hook-path=/usr/bin/nvidia-cdi-hook"
    start(node, f"nvidia-device-plugin --device-list-strategy=cdi-cri {hook}")
    cluster.wait_for("the simulated GPUs", lambda: offered(node) == len(ALIKE))


def kill_device_plugin(node: str) -> None:
    cluster.docker("exec", f"{cluster.NAME}-{node}", "sh", "-c", "kill $(pgrep -f '^nvidia-device-plugin')")


def with_dra(node: str) -> None:
    driver(node, MIXED)
    container = f"{cluster.NAME}-{node}"
    listed = json.dumps([device(index, *gpu) for index, gpu in enumerate(MIXED)])
    cluster.docker("exec", "--interactive", container, "tee", "/run/devices.json", input=listed)
    start(node, f"kubernetes stub-dra-driver --node={node} --kubeconfig=/state/{node}.conf --devices=/run/devices.json")
    expression = f"device.driver == '{CLAIMED}' && device.attributes['{CLAIMED}'].type == 'gpu'"
    device_class = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": CLAIMED},
        "spec": {"selectors": [{"cel": {"expression": expression}}]},
    }
    cluster.create(f"{_RESOURCES}/deviceclasses", device_class)
    cluster.wait_for("the ResourceSlice", lambda: published(node) == len(MIXED))


def start(node: str, program: str) -> None:
    line = f"exec {program} >/var/log/{program.partition(' ')[0]}.log 2>&1"
    cluster.docker("exec", "--detach", f"{cluster.NAME}-{node}", "sh", "-c", line)


def device(index: int, name: str, capability: str, memory: int) -> dict[str, Any]:
    """As NVIDIA's driver publishes it. Versions are semantic there: 550.163.01 is 550.163.1."""
    texts = {"type": "gpu", "uuid": UUIDS[index], "productName": name}
    driver_version = ".".join(str(int(part)) for part in DRIVER.split("."))
    versions = {"cudaComputeCapability": f"{capability}.0", "driverVersion": driver_version, "cudaDriverVersion": CUDA}
    return {
        "name": f"gpu-{index}",
        "attributes": {
            **{key: {"string": value} for key, value in texts.items()},
            **{key: {"version": value} for key, value in versions.items()},
        },
        "capacity": {"memory": {"value": f"{memory}Mi"}},
    }


def offered(node: str) -> int:
    status = (cluster.kube(f"{_NODES}/{node}") or {"status": {}})["status"]
    return int(status.get("allocatable", {}).get("nvidia.com/gpu", 0))


def published(node: str) -> int:
    slices = (cluster.kube(f"{_RESOURCES}/resourceslices") or {"items": []})["items"]
    return sum(len(one["spec"]["devices"]) for one in slices if one["spec"].get("nodeName") == node)


def break_by_xid(node: str) -> None:
    """79, the GPU has fallen off the bus, as an event of the driver's."""
    for index in range(len(ALIKE)):
        cluster.docker("exec", f"{cluster.NAME}-{node}", "sh", "-c", f"echo {index} 79 >{XID}")
        cluster.wait_for("the device plugin", lambda index=index: offered(node) == len(ALIKE) - index - 1)


def break_by_report(node: str) -> None:
    marks = " ".join(f"{UNHEALTHY}/{uuid}" for uuid in UUIDS)
    cluster.docker("exec", f"{cluster.NAME}-{node}", "sh", "-c", f"mkdir -p {UNHEALTHY} && touch {marks}")
