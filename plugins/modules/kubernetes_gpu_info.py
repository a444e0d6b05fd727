#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_gpu_info
short_description: Gather the NVIDIA GPUs of a Kubernetes cluster
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Reads the nodes of a cluster by the API alone, and returns the GPUs of each in the shape of
    M(whisperops.gpu.nvidia_gpu_info), as P(whisperops.gpu.deployment_plan#filter) takes them. Changes nothing.
  - A node's GPUs are read from ResourceSlices where NVIDIA's driver for dynamic resource allocation runs; otherwise
    from the labels of NVIDIA's GPU feature discovery and from what the device plugin offers. What these do not say is
    null.
  - Nodes whose GPUs cannot be known have the reason and the remedy in C(problems) of RV(nodes[].gpu).
  - The user of the kubeconfig has to be allowed to list nodes. What else the user may not see is named in RV(unseen).
requirements:
  - On the host that runs the module, usually the control node, the Python package C(kubernetes) 24.2.0 or newer.
options:
  kubeconfig:
    description: Path of the kubeconfig. Unset, that of the environment variable E(KUBECONFIG), or C(~/.kube/config).
    type: path
  context:
    description: Context of the kubeconfig. Unset, its current context.
    type: str
  access:
    description:
      - What the user has to be allowed to do. The API is asked, and nothing is done.
    type: list
    elements: dict
    default: []
    suboptions:
      verb:
        description: The verb, such as V(create).
        type: str
        required: true
      group:
        description: The API group; empty for the core group.
        type: str
        default: ""
      resource:
        description: The resource in the plural, such as V(deployments).
        type: str
        required: true
      namespace:
        description: The namespace; unset for what is not in one.
        type: str
attributes:
  check_mode:
    support: full
    description: Changes nothing, so it does the same in check mode.
  diff_mode:
    support: none
    description: Changes nothing.
seealso:
  - module: whisperops.gpu.nvidia_gpu_info
  - module: kubernetes.core.k8s_info
"""

EXAMPLES = r"""
- name: Get the GPUs of a cluster
  whisperops.gpu.kubernetes_gpu_info:
    kubeconfig: ~/.kube/config
    context: speech
  delegate_to: localhost
  register: cluster

- name: Show the problems of the nodes
  ansible.builtin.debug:
    msg: "{{ cluster.nodes | map(attribute='gpu.problems') | flatten | map(attribute='message') }}"
"""

RETURN = r"""
server:
  description: The address of the API server.
  returned: success
  type: str
  sample: https://speech.example.com:6443
version:
  description: The version of the API server.
  returned: success
  type: str
  sample: v1.37.2
nodes:
  description: The nodes, by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name of the node.
      returned: always
      type: str
      sample: node-1
    ready:
      description: Whether the node is ready.
      returned: always
      type: bool
    schedulable:
      description: Whether pods are scheduled there; not so on a cordoned node.
      returned: always
      type: bool
    taints:
      description: Its taints, without those by which Kubernetes itself tells the state of the node.
      returned: always
      type: list
      elements: dict
    labels:
      description: The labels of the node that tell its platform and its GPUs.
      returned: always
      type: dict
    source:
      description: Where its GPUs were read from, V(labels) or V(resource_slices). Null where neither tells.
      returned: always
      type: str
    resources:
      description:
        - From the resource's name to C(capacity), C(allocatable), C(allocated) and C(ours).
        - C(allocated) counts devices of pods that whisperops.gpu has not deployed, C(ours) those of its servers.
        - Both are null where pods are not seen.
      returned: always
      type: dict
      sample:
        nvidia.com/gpu: {capacity: 2, allocatable: 2, allocated: 0, ours: 1}
    gpu:
      description:
        - The GPUs, as M(whisperops.gpu.nvidia_gpu_info) returns them. Each has its C(resource), by which a pod asks.
        - With labels, one entry stands for each device that a pod can get; its UUID and its free memory are not known.
      returned: always
      type: dict
storage_classes:
  description: C(name) of each storage class and whether it is the C(default). Null where they are not seen.
  returned: success
  type: list
  elements: dict
deployments:
  description:
    - C(namespace) and C(name) of each Deployment of whisperops.gpu, where its C(prover) is (V(pod) or V(node); null for
      none), and the C(node_terms) of its pods, as Kubernetes writes them. Null where they are not seen.
  returned: success
  type: list
  elements: dict
rejected:
  description:
    - C(namespace), C(name), C(node), C(reason) and C(message) of each pod of whisperops.gpu that has failed, such as
      one that a node did not admit. Null where pods are not seen.
  returned: success
  type: list
  elements: dict
denied:
  description: What of O(access) the user is not allowed to do.
  returned: success
  type: list
  elements: dict
unseen:
  description:
    - C(resource) that the user may not list, C(message) of the API, and what C(follows) for the plan.
  returned: success
  type: list
  elements: dict
api_groups:
  description: The names of the API groups that the cluster serves.
  returned: success
  type: list
  elements: str
  sample: [apps, batch, monitoring.coreos.com]
problem:
  description: Why the cluster was not read, as C(code), C(message) and C(remedy).
  returned: failure
  type: dict
  contains:
    code:
      description: Stable name of the problem, a heading in the troubleshooting guide.
      returned: always
      type: str
      sample: kubernetes_unreachable
    message:
      description: What was seen.
      returned: always
      type: str
    remedy:
      description: What to do about it.
      returned: always
      type: str
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.api import DynamicApi
from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.observer import Observer
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError

ACCESS = {
    "verb": {"type": "str", "required": True},
    "group": {"type": "str", "default": ""},
    "resource": {"type": "str", "required": True},
    "namespace": {"type": "str"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path"},
            "context": {"type": "str"},
            "access": {"type": "list", "elements": "dict", "default": [], "options": ACCESS},
        },
        supports_check_mode=True,
    )
    try:
        cache = os.path.join(module.tmpdir, "discovery.json")
        api = DynamicApi(module.params["kubeconfig"], module.params["context"], cache)
        found = Observer(api).observe(module.params["access"])
    except InspectionError as error:
        module.fail_json(msg=str(error.problem), problem=error.problem.as_dict())
    module.exit_json(changed=False, server=api.server, version=api.version, **found)


if __name__ == "__main__":
    main()
