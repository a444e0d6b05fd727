"""A simulated GPU on a node: the labels of a GTX 1080, the stub of NVML, and the stub of the device plugin.

Nothing can be computed on it, so no proof may come out true.
"""

from __future__ import annotations

import json
import subprocess

import cluster

LABELS = cluster.ROOT / "tests" / "fixtures" / "kubernetes" / "gfd-gtx1080.labels"
UUIDS = [f"GPU-00001080-0000-0000-0000-00000000000{number}" for number in range(2)]
LIBRARY = "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1"
UNHEALTHY = "/run/stub-gpu/unhealthy"
_MAJOR, _CONTROL = 195, 255


def gpu(node: str) -> None:
    driver = cluster.STATE / "driver"
    subprocess.run([cluster.ROOT / "tests" / "lab" / "parts", "driver", driver], check=True)
    container = f"{cluster.NAME}-{node}"
    cluster.docker("cp", str(driver / "libnvidia-ml.so"), f"{container}:{LIBRARY}")
    cluster.docker("exec", "--interactive", container, "tee", "/etc/cdi/stub.json", input=json.dumps(specification()))
    plugin = f"exec kubernetes stub-device-plugin --unhealthy={UNHEALTHY} {' '.join(UUIDS)} >/var/log/plugin.log 2>&1"
    cluster.docker("exec", "--detach", container, "sh", "-c", plugin)
    labels = dict(line.split("=", 1) for line in LABELS.read_text("utf-8").split())
    change = json.dumps({"metadata": {"labels": {"nvidia.com/gpu.present": "true", **labels}}})
    kind = "Content-Type: application/merge-patch+json"
    cluster.kube(f"/api/v1/nodes/{node}", "--request", "PATCH", "--header", kind, "--data", change)
    cluster.wait_for("the simulated GPUs", lambda: offered(node) == len(UUIDS))


def offered(node: str) -> int:
    status = (cluster.kube(f"/api/v1/nodes/{node}") or {"status": {}})["status"]
    return int(status.get("allocatable", {}).get("nvidia.com/gpu", 0))


def break_gpus(node: str) -> None:
    for uuid in UUIDS:
        cluster.docker(
            "exec", f"{cluster.NAME}-{node}", "sh", "-c", f"mkdir -p {UNHEALTHY} && touch {UNHEALTHY}/{uuid}"
        )


def specification() -> dict[str, object]:
    """As `nvidia-ctk cdi generate` makes it, as far as a stub needs it."""

    def node(name: str, minor: int) -> dict[str, object]:
        return {"path": f"/dev/{name}", "type": "c", "major": _MAJOR, "minor": minor}

    nodes = [node(f"nvidia{number}", number) for number in range(len(UUIDS))]
    single = [{"name": uuid, "containerEdits": {"deviceNodes": [one]}} for uuid, one in zip(UUIDS, nodes)]
    return {
        "cdiVersion": "0.5.0",
        "kind": "nvidia.com/gpu",
        "devices": [*single, {"name": "all", "containerEdits": {"deviceNodes": nodes}}],
        "containerEdits": {
            "env": [f"STUB_GPUS={len(UUIDS)}", f"STUB_UUID={','.join(UUIDS)}"],
            "deviceNodes": [node("nvidiactl", _CONTROL)],
            "mounts": [{"hostPath": LIBRARY, "containerPath": LIBRARY, "options": ["ro", "nosuid", "nodev", "bind"]}],
        },
    }
