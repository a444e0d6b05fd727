# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker Engine of a host, and what of this collection is in it."""

from __future__ import annotations

import http.client
import json
from typing import Any, NamedTuple
from urllib.parse import quote

from ansible_collections.whisperops.gpu.plugins.module_utils._image.docker_api import Engine, socket_path
from ansible_collections.whisperops.gpu.plugins.module_utils._image.problems import InspectionError

_TIMEOUT_SECONDS = 30
_LARGEST_DOCUMENT = 16 * 1024 * 1024
LABEL = "whisperops.server"


class EngineState(NamedTuple):
    """``version`` is None where none answers; ``error`` then says why, None where there is no socket at all."""

    version: str | None
    error: str | None
    storage_driver: str | None
    root: str | None
    servers: list[dict[str, Any]]
    # By tag and by digest.
    images: dict[str, str]


NOTHING = EngineState(None, None, None, None, [], {})


class _Reader(Engine):
    def ask(self, target: str) -> Any:
        with self._request("GET", target) as response:
            if response.status != http.client.OK:
                self._refused(f"answer {target}", response)
            try:
                return json.loads(response.read(_LARGEST_DOCUMENT))
            except (ValueError, RecursionError) as error:
                raise http.client.HTTPException(f"not JSON: {error}") from error


def observe_engine(docker_host: str) -> EngineState:
    reader = _Reader(socket_path(docker_host), _TIMEOUT_SECONDS)
    labelled = quote(json.dumps({"label": [LABEL]}))
    try:
        information = reader.ask("/info")
        containers = reader.ask(f"/containers/json?all=1&filters={labelled}")
        images = reader.ask("/images/json")
    except InspectionError as error:
        return NOTHING._replace(error=f"{error.problem.code}: {error.problem.message}")
    return EngineState(
        version=str(information.get("ServerVersion") or ""),
        error=None,
        storage_driver=information.get("Driver"),
        root=information.get("DockerRootDir"),
        servers=sorted(map(server, containers), key=lambda one: str(one["name"])),
        images=references(images),
    )


def server(listed: dict[str, Any]) -> dict[str, Any]:
    """One container of ``docker ps --all``."""
    ports = sorted({port["PublicPort"] for port in listed.get("Ports") or [] if port.get("PublicPort")})
    return {
        "name": ([name.lstrip("/") for name in listed.get("Names") or []] or [""])[0],
        "id": listed.get("Id"),
        "image": listed.get("ImageID"),
        "state": listed.get("State"),
        "status": listed.get("Status"),
        "ports": ports,
        "server": (listed.get("Labels") or {}).get(LABEL),
        "model": (listed.get("Labels") or {}).get("whisperops.model"),
    }


def references(images: list[dict[str, Any]]) -> dict[str, str]:
    found = {}
    for image in images:
        for name in (image.get("RepoTags") or []) + (image.get("RepoDigests") or []):
            if not name.startswith("<none>"):
                found[name] = str(image.get("Id"))
    return found
