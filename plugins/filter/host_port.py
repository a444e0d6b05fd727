# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.address import host_port

DOCUMENTATION = r"""
name: host_port
version_added: 0.1.0
short_description: Join a host and a port for URLs and configurations
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - An IPv6 address gets brackets; an IPv4 address or a name gets none.
positional: port
options:
  _input:
    description: Address or name.
    type: str
    required: true
  port:
    description: The port.
    type: int
    required: true
"""

EXAMPLES = r"""
- name: Show the URL of a server
  ansible.builtin.debug:
    msg: "http://{{ '2001:db8::1' | whisperops.gpu.host_port(8080) }}/health"
"""

RETURN = r"""
_value:
  description: Host and port.
  type: str
  sample: "[2001:db8::1]:8080"
"""


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"host_port": lambda host, port: host_port(str(host), int(port))}
