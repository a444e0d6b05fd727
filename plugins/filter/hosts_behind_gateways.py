# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ansible_collections.whisperops.gpu.plugins.filter.enabled_hosts import enabled_hosts


def hosts_behind_gateways(hosts: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The hosts whose servers a gateway asks: those that it names; itself where it names none."""
    found: dict[str, None] = {}
    for host in enabled_hosts(hosts, hostvars, "whisper_gateway_enabled"):
        found.update(dict.fromkeys(hostvars[host].get("whisper_gateway_hosts") or [host]))
    return list(found)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"hosts_behind_gateways": hosts_behind_gateways}
