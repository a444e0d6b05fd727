# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ansible.module_utils.parsing.convert_bool import boolean

DOCUMENTATION = r"""
name: enabled_hosts
version_added: 0.1.0
short_description: Get the hosts on which a variable is true
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - For the hosts of a play, so that a host without a gateway or without exporters costs nothing in their plays.
positional: hostvars, variable
options:
  _input:
    description: The hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variables of all hosts.
    type: dict
    required: true
  variable:
    description: Name of the variable. A host without it is left out.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the gateways
  ansible.builtin.debug:
    msg: "{{ groups.all | whisperops.gpu.enabled_hosts(hostvars, 'whisper_gateway_enabled') }}"
"""

RETURN = r"""
_value:
  description: The hosts, in their order.
  type: list
  elements: str
  sample: [gateway-1]
"""


def enabled_hosts(hosts: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]], variable: str) -> list[str]:
    """A value that is no boolean is none here; the check of the variables says so of its host."""
    return [host for host in hosts if host in hostvars and boolean(hostvars[host].get(variable) or False, strict=False)]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"enabled_hosts": enabled_hosts}
