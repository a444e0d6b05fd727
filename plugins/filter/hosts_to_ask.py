# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ansible_collections.whisperops.gpu.plugins.filter.gateway_servers import in_this_run


def hosts_to_ask(hosts: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]], planned: bool = False) -> list[str]:
    return [host for host in hosts if host not in hostvars or in_this_run(hostvars[host], planned) is None]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"hosts_to_ask": hosts_to_ask}
