"""ghcr.io and Docker Hub before the depot's registry: tokens, indexes of several architectures, blobs from a CDN."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from typing import NamedTuple

import signature

STORE = "http://127.0.0.1:5000"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
ACCEPTED = ", ".join(
    [
        MANIFEST,
        INDEX,
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
)
Reply = tuple[int, dict[str, str], bytes]


class Registry(NamedTuple):
    realm: str
    service: str
    cdn: str


REGISTRIES = {
    "ghcr.io": Registry("https://ghcr.io/token", "ghcr.io", "pkg-containers.githubusercontent.com"),
    "registry-1.docker.io": Registry(
        "https://auth.docker.io/token", "registry.docker.io", "production.cloudflare.docker.com"
    ),
}
TOKEN_HOSTS = {"ghcr.io", "auth.docker.io"}
CDNS = {registry.cdn for registry in REGISTRIES.values()}
# What this front has made itself: indexes, and what they list for other architectures. By digest.
made: dict[str, tuple[str, bytes]] = {}


def error(status: int, code: str, message: str, **headers: str) -> Reply:
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return status, {"Content-Type": "application/json", **headers}, body


def fetch(path: str) -> tuple[str, bytes]:
    request = urllib.request.Request(STORE + path, headers={"Accept": ACCEPTED})
    with urllib.request.urlopen(request) as response:
        return response.headers["Content-Type"], response.read()


def keep(kind: str, content: bytes) -> str:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    made[digest] = (kind, content)
    return digest


def descriptor(kind: str, content: bytes, architecture: str, system: str = "linux") -> dict[str, object]:
    digest = keep(kind, content)
    platform = {"architecture": architecture, "os": system}
    return {"mediaType": kind, "digest": digest, "size": len(content), "platform": platform}


def index_of(name: str, kind: str, manifest: bytes) -> bytes:
    """As buildx publishes it: one manifest for each architecture, and one of no architecture about how it was made."""
    document = json.loads(manifest)
    config = json.loads(fetch(f"/v2/{name}/blobs/{document['config']['digest']}")[1])
    other = json.dumps({**config, "architecture": "arm64"}).encode()
    other_config = {**document["config"], "digest": keep("application/octet-stream", other), "size": len(other)}
    nothing = json.dumps({"architecture": "unknown", "os": "unknown", "rootfs": {"type": "layers"}}).encode()
    about_config = {**document["config"], "digest": keep("application/octet-stream", nothing), "size": len(nothing)}
    manifests = [
        descriptor(kind, json.dumps({**document, "config": other_config}).encode(), "arm64"),
        descriptor(kind, manifest, "amd64"),
        descriptor(kind, json.dumps({**document, "config": about_config, "layers": []}).encode(), "unknown", "unknown"),
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).encode()


def manifest_reply(name: str, reference: str) -> Reply:
    if reference in made:
        kind, content = made[reference]
    else:
        kind, content = fetch(f"/v2/{name}/manifests/{reference}")
        if not reference.startswith("sha256:") and "index" not in kind and "list" not in kind:
            kind, content = INDEX, index_of(name, kind, content)
            keep(kind, content)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return 200, {"Content-Type": kind, "Docker-Content-Digest": digest}, content


def blob_reply(name: str, digest: str, query: dict[str, str], url: str, authorized: bool) -> Reply:
    if authorized:
        # The stores behind the CDNs refuse a request with two kinds of credentials.
        return 400, {"Content-Type": "application/xml"}, b"<Error><Code>InvalidArgument</Code></Error>"
    if not signature.holds(url, query):
        return 403, {"Content-Type": "application/xml"}, b"<Error><Code>AccessDenied</Code></Error>"
    headers = {"Content-Type": "application/octet-stream"}
    # A layer may be a gigabyte: nginx takes it from the registry itself.
    return (
        (200, headers, made[digest][1])
        if digest in made
        else (200, {"X-Accel-Redirect": f"/store/{name}/blobs/{digest}"}, b"")
    )


def token_reply(query: dict[str, str]) -> Reply:
    url = signature.sign(query.get("scope", ""))
    body = json.dumps({"token": url.partition("?")[2], "expires_in": signature.SECONDS}).encode()
    return 200, {"Content-Type": "application/json"}, body


def authorized(scope: str, header: str) -> bool:
    token = dict(part.split("=", 1) for part in header.rpartition(" ")[2].split("&") if "=" in part)
    return signature.holds(scope, token)


def answer(host: str, path: str, query: dict[str, str], headers: dict[str, str]) -> Reply:
    try:
        return _answer(host, path, query, headers)
    except urllib.error.HTTPError as refused:
        return error(refused.code, "MANIFEST_UNKNOWN", "manifest unknown")


def _answer(host: str, path: str, query: dict[str, str], headers: dict[str, str]) -> Reply:
    if host in TOKEN_HOSTS and path == "/token":
        return token_reply(query)
    if host in CDNS:
        name, _separator, digest = path[1:].rpartition("/")
        return blob_reply(name, digest, query, f"https://{host}{path}", "authorization" in headers)
    registry = REGISTRIES.get(host)
    if registry is None:
        return error(404, "NAME_UNKNOWN", f"nothing stands for {host} here")
    name, _separator, rest = path[len("/v2/") :].rpartition("/manifests/" if "/manifests/" in path else "/blobs/")
    scope = f"repository:{name}:pull"
    if not name or not authorized(scope, headers.get("authorization", "")):
        challenge = f'Bearer realm="{registry.realm}",service="{registry.service}"' + (
            f',scope="{scope}"' if name else ""
        )
        return error(401, "UNAUTHORIZED", "authentication required", **{"WWW-Authenticate": challenge})
    # The depot keeps images of Docker Hub under library/, those of others too.
    stored = f"library/{name}" if host == "registry-1.docker.io" and not name.startswith("library/") else name
    if "/blobs/" in path:
        return 307, {"Location": signature.sign(f"https://{registry.cdn}/{stored}/{rest}")}, b""
    return manifest_reply(stored, rest)
