# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any, Callable, Iterable, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.container import listening

# In the text of `docker ps`: the host's port of 127.0.0.1:8080->8080/tcp.
PUBLISHED = re.compile(r":(\d+)->")


def server_containers(containers: Iterable[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    """The containers of the servers ``name``-0, ``name``-1 and so on, and of those that were set aside.

    ``containers`` are those of community.docker.docker_host_info, or what ``docker ps`` says of them in JSON, which has
    texts in the place of lists and mappings. A container that is stopped holds no ports, but for one that the activator
    listens on for it.
    """
    form = re.compile(rf"({re.escape(name)}-\d+)(-previous)?")
    found = []
    for container in containers:
        names = container["Names"]
        own = (names if isinstance(names, str) else names[0]).lstrip("/")
        server = form.fullmatch(own)
        if server:
            found.append(
                {
                    "name": own,
                    "server": server.group(1),
                    "previous": bool(server.group(2)),
                    "ports": [*_ports(container.get("Ports")), *_activated(container.get("Labels"))],
                }
            )
    return found


def _ports(listed: Any) -> list[int]:
    if isinstance(listed, str):
        ports = [int(port) for port in PUBLISHED.findall(listed)]
    else:
        ports = [port["PublicPort"] for port in listed or () if port.get("PublicPort")]
    # One for each of IPv4 and IPv6.
    return list(dict.fromkeys(ports))


def _activated(labels: Any) -> list[int]:
    if isinstance(labels, str):
        # A value may have a comma. What follows it is no label of ours then.
        labels = dict(part.split("=", 1) for part in labels.split(",") if "=" in part)
    listens = listening(labels or {})
    return [listens[1]] if listens else []


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"server_containers": server_containers}
