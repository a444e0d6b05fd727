# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError

DOCUMENTATION = r"""
name: kubernetes_plan
version_added: 0.1.0
short_description: Plan the groups of a Kubernetes cluster
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Makes the plan of each kind of node with P(whisperops.gpu.deployment_plan#filter), and one group of all GPUs that
    have the same compute capability, driver branch and image.
positional: policy, catalogue, placement
options:
  _input:
    description: The result of M(whisperops.gpu.kubernetes_gpu_info).
    type: dict
    required: true
  policy:
    description:
      - As P(whisperops.gpu.deployment_plan#filter) takes it. C(gpus), C(instances_per_gpu) and C(first_port) have no
        meaning for pods, and are not read.
    type: dict
    default: {}
  catalogue:
    description: As P(whisperops.gpu.deployment_plan#filter) takes it.
    type: list
    elements: dict
  placement:
    description: Where pods may run, and from which image.
    type: dict
    default: {}
    suboptions:
      images:
        description: From the image of a plan to the reference that nodes pull in its place.
        type: dict
        default: {}
      tolerations:
        description: Taints that the pods tolerate, as Kubernetes writes them, next to C(nvidia.com/gpu).
        type: list
        elements: dict
        default: []
      max_servers:
        description: The most servers of a group. V(0) has one for each free GPU.
        type: int
        default: 0
      registry:
        description:
          - Registry and path, with a final slash, to which a host of the inventory pushes builds. Empty has none
            build.
        type: str
        default: ""
"""

EXAMPLES = r"""
- name: Show the groups of a cluster
  ansible.builtin.debug:
    msg: "{{ (cluster | whisperops.gpu.kubernetes_plan({'model': 'small'})).groups | map(attribute='name') }}"
"""

RETURN = r"""
_value:
  description: The plan.
  type: dict
  contains:
    groups:
      description: Each group with its nodes, image, servers, reasons, and the labels by which pods find the nodes.
      type: list
      elements: dict
    earlier:
      description: The C(deployments) of the cluster that are no group of the plan.
      type: list
      elements: dict
    left_out:
      description: The C(node), C(code) and C(reason) of each node that gets no server.
      type: list
      elements: dict
    builds:
      description: The C(image), C(machine) and C(plan) of each image that a host of the inventory is to build.
      type: list
      elements: dict
    tolerations:
      description: The taints that the pods tolerate.
      type: list
      elements: dict
    warnings:
      description: What is not known because the user may not see it.
      type: list
      elements: str
"""


def kubernetes_plan(cluster: Any, policy: Any = None, catalogue: Any = None, placement: Any = None) -> dict[str, Any]:
    from ansible_collections.whisperops.gpu.plugins.plugin_utils._kubernetes.groups import ClusterPlanner, Placement

    if not isinstance(cluster, Mapping) or "nodes" not in cluster:
        raise AnsibleFilterError(
            f"whisperops.gpu.kubernetes_plan: got {type(cluster).__name__}; allowed: the result of"
            " whisperops.gpu.kubernetes_gpu_info."
        )
    try:
        return ClusterPlanner(policy, catalogue, Placement(**(placement or {}))).plan(cluster)
    except PlanInputError as error:
        raise AnsibleFilterError(f"whisperops.gpu.kubernetes_plan: {error}") from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"kubernetes_plan": kubernetes_plan}
