# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
from typing import Any, Callable, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.address import host_port
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import services
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.change import Change

DOCUMENTATION = r"""
name: service_changes
version_added: 0.1.0
short_description: List the changes of a gateway, a proof agent, an API or exporters
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - The same list is made for check mode and for the run. No key and no certificate is in the list.
positional: service, wanted
options:
  _input:
    description: The result of M(whisperops.gpu.whisper_host_info).
    type: dict
    required: true
  service:
    description: What stands next to the servers.
    type: str
    choices: [gateway, agent, api, exporters]
    required: true
  wanted:
    description:
      - What the host should have.
      - Of a gateway packages, files with their SHA-256, servers and names of clients.
      - Of a proof agent C(files), each with its SHA-256, and C(listen), its address.
      - Of an API packages, C(files), each with its SHA-256, systemd units, and C(listen), its address.
      - Of exporters packages, systemd units with their texts, and the GPU exporter.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the changes
  ansible.builtin.debug:
    msg: "{{ host | whisperops.gpu.service_changes('agent', wanted) | whisperops.gpu.change_lines }}"
"""

RETURN = r"""
_value:
  description: The changes, of the form of P(whisperops.gpu.deployment_changes#filter). Empty where nothing differs.
  type: list
  elements: dict
"""

UNITS = "/etc/systemd/system/"


def _gateway(host: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Change]:
    """``servers`` are the result of filter gateway_servers."""
    servers = {one["name"]: host_port(str(one["address"]), int(one["port"])) for one in wanted["servers"]}
    return services.gateway_changes(host, {**wanted, "servers": servers})


def _exporters(host: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Change]:
    """``metrics`` is the path of the host metrics program, which the host makes of the same sources."""
    from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import host_metrics
    from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.archive import archive

    program = hashlib.sha256(archive(host_metrics.__name__)).hexdigest()
    texts = {f"{UNITS}{name}": hashlib.sha256(text.encode()).hexdigest() for name, text in wanted["texts"].items()}
    return services.exporter_changes(host, {**wanted, "files": {wanted["metrics"]: program, **texts}})


_SERVICES = {
    "gateway": _gateway,
    "agent": services.agent_changes,
    "api": services.api_changes,
    "exporters": _exporters,
}


def service_changes(host: Mapping[str, Any], service: str, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [change.to_dict() for change in _SERVICES[service](host, wanted)]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"service_changes": service_changes}
