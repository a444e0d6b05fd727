# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
from typing import Any, Callable, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import host_metrics
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.archive import archive
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import services

DOCUMENTATION = r"""
name: exporter_changes
version_added: 0.1.0
short_description: List the changes of the exporters of a host
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
    description: Packages, systemd units with their texts, and the GPU exporter that the host should have.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the changes
  ansible.builtin.debug:
    msg: "{{ host | whisperops.gpu.exporter_changes(wanted) | whisperops.gpu.change_lines }}"
"""

RETURN = r"""
_value:
  description: The changes, of the form of P(whisperops.gpu.deployment_changes#filter). Empty where nothing differs.
  type: list
  elements: dict
"""

UNITS = "/etc/systemd/system/"


def exporter_changes(host: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """``metrics`` is the path of the host metrics program, which the host makes of the same sources."""
    program = hashlib.sha256(archive(host_metrics.__name__)).hexdigest()
    texts = {f"{UNITS}{name}": hashlib.sha256(text.encode()).hexdigest() for name, text in wanted["texts"].items()}
    given = {**wanted, "files": {wanted["metrics"]: program, **texts}}
    return [change.to_dict() for change in services.exporter_changes(host, given)]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"exporter_changes": exporter_changes}
