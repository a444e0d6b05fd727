# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import re
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.whisperops.gpu.plugins.filter.saved_endpoints import saved_endpoints
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.address import reachable

# What HAProxy takes as a server's name.
NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.-]")
LOOPBACK = "127.0.0.1"


def gateway_servers(
    hosts: Sequence[str],
    hostvars: Mapping[str, Mapping[str, Any]],
    kept: Sequence[Mapping[str, Any]],
    gateway: str,
    planned: bool = False,
) -> list[dict[str, Any]]:
    """The servers that a gateway asks, with the address by which it reaches each.

    ``kept`` are the results of reading the file of endpoints of each host, in the order of ``hosts``: what a host has
    kept is what it serves. With ``planned``, as in check mode, the plan just made is what it will serve.
    """
    servers = []
    for host, result in zip(hosts, kept):
        # A gateway may name a host that is in no inventory.
        variables = hostvars[host] if host in hostvars else {}  # noqa: SIM401 - Ansible's hostvars have no default in get()
        plan = variables.get("whisper_plan") if planned else None
        serving = plan["servers"] if plan else saved_endpoints(_text(result))
        listening = str(variables.get("whisper_server_listen_address", LOOPBACK))
        others = None if host == gateway else str(variables.get("ansible_host", host))
        address = reachable(listening, others)
        name = NOT_IN_A_NAME.sub("_", host)
        servers += [
            {"host": host, "name": f"{name}-{number}", "address": address, "port": server["port"]}
            for number, server in enumerate(serving)
        ]
    return servers


def _text(result: Mapping[str, Any]) -> str:
    """What a host answered, which may be anything."""
    try:
        return base64.b64decode(str(result.get("content") or "")).decode()
    except ValueError:
        return ""


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"gateway_servers": gateway_servers}
