# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import re
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.whisperops.gpu.plugins.filter.saved_endpoints import saved_endpoints
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.address import reachable
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.endpoints import known
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.planned import planned as decided

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

    What this run has deployed on a host is what it serves, and what it has planned is what it will serve; of any other
    host that is what it has kept. ``kept`` are the results of reading the files of endpoints, each with a host as item.
    """
    servers = []
    answers = {result.get("item"): result for result in kept}
    for host in hosts:
        # A gateway may name a host that is in no inventory.
        variables = hostvars[host] if host in hostvars else {}  # noqa: SIM401 - Ansible's hostvars have no default in get()
        serving = in_this_run(variables, planned)
        serving = saved_endpoints(_text(answers.get(host, {}))) if serving is None else serving
        listening = str(variables.get("whisper_server_listen_address", LOOPBACK))
        others = None if host == gateway else str(variables.get("ansible_host", host))
        address = reachable(listening, others)
        name = NOT_IN_A_NAME.sub("_", host)
        servers += [
            {
                "host": host,
                "name": f"{name}-{number}",
                "address": address,
                "port": server["port"],
                **({"model": server["model"]} if server.get("model") else {}),
            }
            for number, server in enumerate(serving)
        ]
    return servers


def in_this_run(variables: Mapping[str, Any], planned: bool) -> Sequence[Mapping[str, Any]] | None:
    """None where this run has neither planned nor deployed servers of the host, so that it has to be asked."""
    if planned:
        plan = variables.get("whisper_plan") or decided(variables).get("plan")
        return plan["servers"] if plan else None
    # Of an unchanged host they are what the host itself has recorded, and they become the gateway's configuration.
    endpoints = variables.get("whisper_server_endpoints")
    return None if endpoints is None else known(endpoints) or ()


def _text(result: Mapping[str, Any]) -> str:
    """What a host answered, which may be anything."""
    try:
        return base64.b64decode(str(result.get("content") or "")).decode()
    except ValueError:
        return ""


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"gateway_servers": gateway_servers}
