# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import services

DOCUMENTATION = r"""
name: agent_changes
version_added: 0.1.0
short_description: List the changes of a proof agent
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - The same list is made for check mode and for the run. No key and no certificate is in the list.
positional: wanted
options:
  _input:
    description: The result of M(whisperops.gpu.whisper_host_info).
    type: dict
    required: true
  wanted:
    description: C(files), each with its SHA-256, and C(listen), the address of the agent.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the changes
  ansible.builtin.debug:
    msg: "{{ host | whisperops.gpu.agent_changes(wanted) | whisperops.gpu.change_lines }}"
"""

RETURN = r"""
_value:
  description: The changes, of the form of P(whisperops.gpu.deployment_changes#filter). Empty where nothing differs.
  type: list
  elements: dict
"""


def agent_changes(host: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [change.to_dict() for change in services.agent_changes(host, wanted)]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"agent_changes": agent_changes}
