# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.endpoints import EndpointsError, parse

DOCUMENTATION = r"""
name: saved_endpoints
version_added: 0.1.0
short_description: The servers in the text of a host's servers.json
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Reads what the role P(whisperops.gpu.whisper_server#role) saved in C(/etc/whisper/servers.json) on a host.
  - A text that names no servers becomes an empty list. It is a file of a host, which may be missing, edited, cut short
    or made to end the run that reads it.
options:
  _input:
    description: Content of the file.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Get the servers of the host
  ansible.builtin.slurp:
    src: /etc/whisper/servers.json
  register: saved

- name: Show the ports of the servers
  ansible.builtin.debug:
    msg: "{{ saved.content | b64decode | whisperops.gpu.saved_endpoints | map(attribute='port') }}"
"""

RETURN = r"""
_value:
  description: The servers, as P(whisperops.gpu.whisper_endpoints#filter) gives them.
  type: list
  elements: dict
"""


def saved_endpoints(text: Any) -> list[dict[str, Any]]:
    try:
        return parse(str(text or ""))
    except EndpointsError:
        return []


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"saved_endpoints": saved_endpoints}
