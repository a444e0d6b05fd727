# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

DOCUMENTATION = r"""
name: kubernetes_access
version_added: 0.1.0
short_description: List the access that applying objects to a cluster needs
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
options:
  _input:
    description: The variables of P(whisperops.gpu.whisper_kubernetes#role).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Get the GPUs of a cluster and the access to the namespace
  whisperops.gpu.kubernetes_gpu_info:
    access: "{{ options | whisperops.gpu.kubernetes_access }}"
"""

RETURN = r"""
_value:
  description: Entries as the option O(whisperops.gpu.kubernetes_gpu_info#module:access) takes them.
  type: list
  elements: dict
"""


def kubernetes_access(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    from ansible_collections.whisperops.gpu.plugins.plugin_utils._kubernetes.faults import access
    from ansible_collections.whisperops.gpu.plugins.plugin_utils._kubernetes.options import Options

    return access(Options.of(options))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"kubernetes_access": kubernetes_access}
