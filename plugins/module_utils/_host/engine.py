# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker Engine of a host, and what of this collection is in it."""

from __future__ import annotations

import json
from typing import Any, NamedTuple
from urllib.parse import quote

from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.client import (
    Engine,
    mapping,
    mappings,
    socket_path,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.container import (
    LIMITS_LABEL,
    SERVER_LABEL,
    is_unloaded,
    listening,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._host.limits import limits
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError

_TIMEOUT_SECONDS = 30


class EngineState(NamedTuple):
    """``version`` is None where none answers; ``error`` then says why, None where there is no socket at all."""

    version: str | None
    error: str | None
    storage_driver: str | None
    root: str | None
    servers: list[dict[str, Any]]
    # By tag and by digest.
    images: dict[str, str]
    rootless: bool = False
    # See limits(); None where no engine answers.
    limits: dict[str, Any] | None = None


NOTHING = EngineState(None, None, None, None, [], {})


def observe_engine(docker_host: str) -> EngineState:
    client = Engine(socket_path(docker_host), _TIMEOUT_SECONDS)
    labelled = quote(json.dumps({"label": [SERVER_LABEL]}))
    try:
        information = mapping(client.ask("/info"))
        containers = mappings(client.ask(f"/containers/json?all=1&filters={labelled}"))
        images = mappings(client.ask("/images/json"))
    except InspectionError as error:
        return NOTHING._replace(error=f"{error.problem.code}: {error.problem.message}")
    return EngineState(
        version=str(information.get("ServerVersion") or ""),
        error=None,
        storage_driver=information.get("Driver"),
        root=information.get("DockerRootDir"),
        servers=sorted(map(server, containers), key=lambda one: str(one["name"])),
        images=references(images),
        rootless="name=rootless" in str(information.get("SecurityOptions")),
        limits=limits(information),
    )


def server(listed: dict[str, Any]) -> dict[str, Any]:
    """One container of ``docker ps --all``."""
    ports = {port["PublicPort"] for port in listed.get("Ports") or [] if port.get("PublicPort")}
    activated = listening(listed.get("Labels") or {})
    return {
        "name": ([name.lstrip("/") for name in listed.get("Names") or []] or [""])[0],
        "id": listed.get("Id"),
        "image": listed.get("ImageID"),
        "state": "unloaded" if is_unloaded(listed) else listed.get("State"),
        "status": listed.get("Status"),
        "ports": sorted(ports | ({activated[1]} if activated else set())),
        "server": (listed.get("Labels") or {}).get(SERVER_LABEL),
        "model": (listed.get("Labels") or {}).get("whisperops.model"),
        "limits": (listed.get("Labels") or {}).get(LIMITS_LABEL),
    }


def references(images: list[dict[str, Any]]) -> dict[str, str]:
    found = {}
    for image in images:
        for name in (image.get("RepoTags") or []) + (image.get("RepoDigests") or []):
            if not name.startswith("<none>"):
                found[name] = str(image.get("Id"))
    return found
