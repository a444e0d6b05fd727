# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

DOCUMENTATION = r"""
name: kubernetes_faults
version_added: 0.1.0
short_description: Find the faults of a Kubernetes plan before the objects are applied
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Each sentence begins with a problem code.
positional: plan, options
options:
  _input:
    description: The result of M(whisperops.gpu.kubernetes_gpu_info).
    type: dict
    required: true
  plan:
    description: The result of P(whisperops.gpu.kubernetes_plan#filter).
    type: dict
    required: true
  options:
    description: The variables of P(whisperops.gpu.whisper_kubernetes#role).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Fail if no node can serve
  ansible.builtin.fail:
    msg: "{{ faults }}"
  when: faults | length > 0
  vars:
    faults: "{{ cluster | whisperops.gpu.kubernetes_faults(plan, options) }}"
"""

RETURN = r"""
_value:
  description: The sentences.
  type: list
  elements: str
"""


def kubernetes_faults(cluster: Mapping[str, Any], plan: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    from ansible_collections.whisperops.gpu.plugins.plugin_utils._kubernetes.faults import faults
    from ansible_collections.whisperops.gpu.plugins.plugin_utils._kubernetes.options import Options

    return faults(cluster, plan, Options.of(options))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"kubernetes_faults": kubernetes_faults}
