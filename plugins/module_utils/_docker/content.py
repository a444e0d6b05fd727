# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in Docker Engine and containerd, and what of it belongs to others: the engine stays where something does."""

from __future__ import annotations

import os
from typing import Any, Callable, Iterable, Iterator, Mapping, NamedTuple, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.client import mapping, mappings
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.container import SERVER_LABEL
from ansible_collections.whisperops.gpu.plugins.module_utils._host.firewall import BRIDGE
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Runner, Which

CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
CONTAINERD_DATA = "/var/lib/containerd"
_OWN_LABELS = (SERVER_LABEL, "whisperops.benchmark")
_OWN_REPOSITORY = "whisperops/whisper.cpp"
# Those of every engine, and those that a swarm makes.
_NETWORKS = {"bridge", "host", "none", "docker_gwbridge", "ingress"}
OWN_NETWORK = "whisperops"
# Docker Engine's own: of containers and images, of plugins, and (seen with 29.1) of what BuildKit remembers of builds.
_NAMESPACES = {"moby", "plugins.moby", "moby_history"}
_NAMESPACE_KINDS = ("containers", "images", "content")
# Of one kind, so many names are said.
_LONGEST_LIST = 5

Document = Mapping[str, Any]


class Content(NamedTuple):
    containers: Sequence[Document]
    images: Sequence[Document]


class Host(NamedTuple):
    """Everything from outside comes in here, so that tests can bring a host of their own."""

    # Raises InspectionError where no engine answers.
    ask: Callable[[str], Any]
    runner: Runner
    which: Which
    exists: Callable[[str], bool] = os.path.exists


def content(ask: Callable[[str], Any]) -> Content:
    return Content(mappings(ask("/containers/json?all=1")), mappings(ask("/images/json")))


def own_names(image: Document, recorded: Iterable[str]) -> list[str]:
    """The names of an image by which this collection has it: what it built, and what was recorded as pulled."""
    known = {normalized(name) for name in recorded}
    return [name for name in _names(image) if name.rpartition(":")[0] == _OWN_REPOSITORY or normalized(name) in known]


def users(image: Document, containers: Iterable[Document]) -> list[str]:
    """Containers of others that were created from an image, by whichever of its names or its ID."""
    names = {normalized(name) for name in _all_names(image)}
    return [
        _container_name(one)
        for one in containers
        if not _is_own(one)
        and (
            one.get("ImageID") == image.get("Id")
            or normalized(str(one.get("Image") or "")) in {*names, image.get("Id")}
        )
    ]


def others(host: Host, recorded: Sequence[str]) -> list[str]:
    """What keeps the engine, by kind and name. Empty where all that is in it belongs to this collection."""
    seen = content(host.ask)
    swarm = (mapping(host.ask("/info")).get("Swarm") or {}).get("LocalNodeState") or "inactive"
    kinds = {
        "container": [_container_name(one) for one in seen.containers if not _is_own(one)],
        "image": [_image_name(one) for one in seen.images if not _is_all_own(one, recorded, seen.containers)],
        "volume": [str(one.get("Name")) for one in mappings(mapping(host.ask("/volumes")).get("Volumes") or [])],
        "network": [str(one.get("Name")) for one in mappings(host.ask("/networks")) if not _is_own_network(one)],
        "plugin": [str(one.get("Name")) for one in mappings(host.ask("/plugins"))],
        "swarm": [] if swarm == "inactive" else [swarm],
    }
    return [text for kind, names in kinds.items() for text in _listed(kind, names)] + list(_containerd(host))


def normalized(name: str) -> str:
    """As Docker Engine lists an image: without the name of its hub, with a tag, or by its digest alone."""
    for prefix in ("docker.io/", "library/"):
        name = name[len(prefix) :] if name.startswith(prefix) else name
    repository, at, digest = name.partition("@")
    directory, slash, last = repository.rpartition("/")
    if at:
        return f"{directory}{slash}{last.partition(':')[0]}@{digest}"
    return name if ":" in last else f"{name}:latest"


def _containerd(host: Host) -> Iterator[str]:
    """Namespaces with content, such as that of Kubernetes. What cannot be asked counts as content of others."""
    if not host.exists(CONTAINERD_DATA):
        return
    ctr = host.which("ctr")
    if ctr is None or not host.exists(CONTAINERD_SOCKET):
        yield f"{CONTAINERD_DATA}, of which no containerd answers"
        return
    listed = host.runner([ctr, "namespaces", "list", "--quiet"])
    if listed.rc != 0:
        yield f"containerd, which does not list its namespaces: {listed.err.strip() or listed.rc}"
        return
    for namespace in sorted(set(listed.out.split()) - _NAMESPACES):
        answers = [host.runner([ctr, "--namespace", namespace, kind, "list", "--quiet"]) for kind in _NAMESPACE_KINDS]
        if any(answer.rc != 0 or answer.out.strip() for answer in answers):
            yield f"containerd namespace {namespace}"


def _listed(kind: str, names: Sequence[str]) -> Iterator[str]:
    ordered = sorted(names)
    yield from (f"{kind} {name}" for name in ordered[:_LONGEST_LIST])
    if len(ordered) > _LONGEST_LIST:
        yield f"{len(ordered) - _LONGEST_LIST} more of kind {kind}"


def _is_own_network(network: Document) -> bool:
    name, options = network.get("Name"), network.get("Options") or {}
    return name in _NETWORKS or (name == OWN_NETWORK and options.get("com.docker.network.bridge.name") == BRIDGE)


def _is_own(container: Document) -> bool:
    labels = container.get("Labels") or {}
    return any(label in labels for label in _OWN_LABELS)


def _is_all_own(image: Document, recorded: Sequence[str], containers: Iterable[Document]) -> bool:
    own = own_names(image, recorded)
    return bool(own) and own == _names(image) and not users(image, containers)


def _all_names(image: Document) -> list[str]:
    names = [*(image.get("RepoTags") or []), *(image.get("RepoDigests") or [])]
    return [name for name in names if not name.startswith("<none>")]


def _names(image: Document) -> list[str]:
    """Its tags, or where it has none its digests: by these it is removed."""
    names = _all_names(image)
    return [name for name in names if "@" not in name] or names


def _image_name(image: Document) -> str:
    return (_names(image) or [str(image.get("Id"))])[0]


def _container_name(container: Document) -> str:
    return ([str(name).lstrip("/") for name in container.get("Names") or []] or [str(container.get("Id"))[:12]])[0]
