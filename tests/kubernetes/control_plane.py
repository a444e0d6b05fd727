"""A real API server with its etcd, on loopback, for as long as a test runs."""

from __future__ import annotations

import json
import secrets
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

PROGRAM = Path(__file__).resolve().parents[2] / ".cache" / "kubernetes" / "api-server"
SECONDS = 120
# User → groups. What the others may do, the tests say.
USERS = {"admin": "system:masters", "reader": "", "narrow": "", "nobody": ""}


class ControlPlane:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._tokens = {user: secrets.token_hex(16) for user in USERS}
        self._running: list[subprocess.Popen[bytes]] = []
        self._etcd, peer, self.port = (free_port() for _place in range(3))
        directory.mkdir(parents=True, exist_ok=True)
        key, tokens = directory / "sa.key", directory / "tokens.csv"
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
        lines = [f'{token},{user},{user},"{USERS[user]}"' for user, token in self._tokens.items()]
        tokens.write_text("\n".join(lines) + "\n", "utf-8")
        etcd = f"http://127.0.0.1:{self._etcd}"
        self._start(
            *("etcd", "--data-dir", directory / "etcd", "--unsafe-no-fsync"),
            *("--listen-client-urls", etcd, "--advertise-client-urls", etcd),
            *("--listen-peer-urls", f"http://127.0.0.1:{peer}"),
        )
        self._start(
            *("kube-apiserver", "--etcd-servers", etcd, "--cert-dir", directory / "certificates"),
            *("--bind-address", "127.0.0.1", "--secure-port", str(self.port)),
            *("--service-cluster-ip-range", "10.96.0.0/16", "--authorization-mode", "RBAC"),
            *("--token-auth-file", tokens, "--service-account-issuer", "https://kubernetes.default.svc"),
            *("--service-account-key-file", key, "--service-account-signing-key-file", key),
            # No controller makes service accounts, and none is needed: no pod starts.
            *("--disable-admission-plugins", "ServiceAccount"),
        )
        self._wait()

    def _start(self, *command: Any) -> None:
        log = (self.directory / f"{command[0]}.log").open("wb")
        self._running.append(subprocess.Popen([PROGRAM, *map(str, command)], stdout=log, stderr=log))

    def _wait(self) -> None:
        for _second in range(SECONDS):
            try:
                self.request("GET", "/readyz")
                return
            except OSError:
                time.sleep(1)
            if any(process.poll() is not None for process in self._running):
                break
        self.stop()
        logs = "\n".join(path.read_text("utf-8", "replace")[-3000:] for path in self.directory.glob("*.log"))
        raise RuntimeError(f"the API server did not start:\n{logs}")

    def stop(self) -> None:
        for process in reversed(self._running):
            process.terminate()
            process.wait()

    def request(self, method: str, path: str, body: Any = None, user: str = "admin", kind: str = "") -> Any:
        """HTTPError, an OSError, where the API server refuses it."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._tokens[user]}",
                "Content-Type": kind or "application/json",
                "Accept": "application/json",
            },
        )
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text.startswith(b"{") else text

    def create(self, thing: dict[str, Any]) -> None:
        """With its status, which kubelets, drivers and controllers write where there are some."""
        path = path_of(thing)
        self.request("POST", path, thing)
        if "status" in thing:
            status = {"status": thing["status"]}
            name = thing["metadata"]["name"]
            self.request("PATCH", f"{path}/{name}/status", status, kind="application/merge-patch+json")

    def kubeconfig(self, user: str) -> Path:
        path = self.directory / f"{user}.conf"
        cluster = {"server": f"https://127.0.0.1:{self.port}", "insecure-skip-tls-verify": True}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": self._tokens[user]}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
        }
        path.write_text(json.dumps(content), "utf-8")
        return path


PLURAL = {
    "DeviceClass": "deviceclasses",
    "Ingress": "ingresses",
    "NetworkPolicy": "networkpolicies",
    "StorageClass": "storageclasses",
}


def path_of(thing: dict[str, Any]) -> str:
    group, kind = thing["apiVersion"], thing["kind"]
    root = f"/apis/{group}" if "/" in group else f"/api/{group}"
    namespace = thing["metadata"].get("namespace")
    return f"{root}{f'/namespaces/{namespace}' if namespace else ''}/{PLURAL.get(kind, kind.lower() + 's')}"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
