# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.address import reachable

DOCUMENTATION = r"""
name: reachable_address
version_added: 0.1.0
short_description: Get the address at which a listener is reached
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - What listens on one address is reached at that address.
  - What listens on all addresses (V(0.0.0.0), V(::)) is reached at O(host), or at the loopback address by the host
    itself.
  - An IPv6 address has no brackets. P(whisperops.gpu.host_port#filter) adds brackets where a port follows.
positional: host
options:
  _input:
    description: The address that something listens on.
    type: str
    required: true
  host:
    description: Name or address of the host for others. Unset, the host itself asks.
    type: str
"""

EXAMPLES = r"""
- name: Show the local address of the servers
  ansible.builtin.debug:
    msg: "{{ '::' | whisperops.gpu.reachable_address }}"
"""

RETURN = r"""
_value:
  description: The address.
  type: str
  sample: "::1"
"""


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"reachable_address": lambda listening, host=None: reachable(str(listening), host)}
