# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import firewall
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError

DOCUMENTATION = r"""
name: server_firewall
version_added: 0.1.0
short_description: Render the nftables rules of a host with servers
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Renders the file that C(whisper-firewall.service) loads. It replaces the table C(inet whisperops) and no other.
positional: listen_address, sources
options:
  _input:
    description: The result of P(whisperops.gpu.deployment_plan#filter).
    type: dict
    required: true
  listen_address:
    description: Address that the servers are published on.
    type: str
    required: true
  sources:
    description: Addresses and networks from which other hosts reach the servers. Every host, if the list is empty.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show the rules
  ansible.builtin.debug:
    msg: "{{ plan | whisperops.gpu.server_firewall('192.0.2.11', ['192.0.2.10']) }}"
"""

RETURN = r"""
_value:
  description: The content of the file.
  type: str
"""


def server_firewall(plan: Mapping[str, Any], listen_address: str, sources: Sequence[str]) -> str:
    try:
        return firewall.rules([server["port"] for server in plan["servers"]], str(listen_address), sources)
    except PlanInputError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"server_firewall": server_firewall}
