# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

DOCUMENTATION = r"""
name: kubernetes_summary
version_added: 0.1.0
short_description: Summarize the plan of a Kubernetes cluster
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Gives the rows, reasons and problems of a cluster for the table at the end of a run.
positional: plan, host, options
options:
  _input:
    description: The result of M(whisperops.gpu.kubernetes_gpu_info).
    type: dict
    required: true
  plan:
    description: The result of P(whisperops.gpu.kubernetes_plan#filter).
    type: dict
    required: true
  host:
    description: Name of the cluster in the inventory, for the first column.
    type: str
    required: true
  options:
    description: C(namespace) of the servers, and whether a C(gateway) is in front of them.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the rows of a cluster
  ansible.builtin.debug:
    msg: "{{ (cluster | whisperops.gpu.kubernetes_summary(plan, inventory_hostname, options)).rows }}"
"""

RETURN = r"""
_value:
  description:
    - C(rows), with a row for each group and one for all nodes that are left out alike; C(reasons) and C(problems).
  type: dict
"""


def kubernetes_summary(
    cluster: Mapping[str, Any], plan: Mapping[str, Any], host: str, options: Mapping[str, Any]
) -> dict[str, Any]:
    from ansible_collections.whisperops.gpu.plugins.plugin_utils._kubernetes.summary import summary

    return summary(cluster, plan, host, options)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"kubernetes_summary": kubernetes_summary}
