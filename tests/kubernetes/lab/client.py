"""Pods that ask, so that network policies see them as what they are. Their commands have the files of the node."""

from __future__ import annotations

import cluster

NODE = f"{cluster.NAME}-one"
# As the pod security standard `restricted` asks for it.
_POD = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
_CONTAINER = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def run(namespace: str) -> list[str]:
    """The pod, and the words before a command that runs in its network."""
    name = f"client-in-{namespace}"
    container = {
        "name": "client",
        "image": f"docker.io/{cluster.IMAGE}",
        "imagePullPolicy": "Never",
        "command": ["python3", "-c", "import time; time.sleep(10**6)", name],
        "securityContext": _CONTAINER,
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "nodeName": "one",
            "automountServiceAccountToken": False,
            "securityContext": _POD,
            "containers": [container],
        },
    }
    cluster.create(f"/api/v1/namespaces/{namespace}/pods", pod)
    cluster.wait_for(name, lambda: _process(name))
    return ["exec", NODE, "nsenter", "--net", "--target", _process(name)]


def _process(name: str) -> str:
    return cluster.docker("exec", NODE, "pgrep", "--full", f"sleep.10..6. {name}", check=False)
