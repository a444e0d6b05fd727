#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_rollout_info
short_description: Wait until the servers of a Kubernetes cluster are proven
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Reads the Deployments of whisperops.gpu in a namespace and the pods, until each group has as many available pods as
    planned, until Kubernetes gives one up (C(progressDeadlineSeconds)), or until the time is over.
  - With the readiness gate C(whisperops.gpu/proven) an available pod is one whose GPU is proven.
  - Needs the Python package C(kubernetes) where it runs, which is best the control node.
options:
  kubeconfig:
    description: The kubeconfig. Unset, that of the environment variable E(KUBECONFIG) or C(~/.kube/config).
    type: path
  context:
    description: Context of the kubeconfig. Unset, its current context.
    type: str
  namespace:
    description: Namespace of the servers.
    type: str
    required: true
  groups:
    description: Names of the groups, which are those of the Deployments.
    type: list
    elements: str
    required: true
  wait_seconds:
    description: How long to wait. V(0) looks once.
    type: int
    default: 0
attributes:
  check_mode:
    support: full
    description: Changes nothing, so it does the same in check mode.
  diff_mode:
    support: none
    description: Changes nothing.
seealso:
  - module: whisperops.gpu.kubernetes_gpu_info
"""

EXAMPLES = r"""
- name: Wait for the servers to be proven
  whisperops.gpu.kubernetes_rollout_info:
    context: speech
    namespace: whisper
    groups: [whisper-cc61-d550]
    wait_seconds: 1800
  delegate_to: localhost
  register: rollout
"""

RETURN = r"""
groups:
  description: The groups, in the order of O(groups).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the group.
      returned: always
      type: str
      sample: whisper-cc61-d550
    state:
      description: V(proven), V(waits), V(failed) where Kubernetes has given up, or V(missing).
      returned: always
      type: str
      sample: proven
    servers:
      description: Number of servers that the group is to have.
      returned: always
      type: int
    updated:
      description: Number of pods of the newest definition.
      returned: always
      type: int
    available:
      description: Number of pods in the Service, also of earlier definitions.
      returned: always
      type: int
    reasons:
      description: Why pods are not in the Service.
      returned: always
      type: list
      elements: str
problem:
  description: What is not proven, as C(code), C(message) and C(remedy). Null if every group is.
  returned: always
  type: dict
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes import rollout
from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.api import DynamicApi, RefusedError
from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.problems import access_denied
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path"},
            "context": {"type": "str"},
            "namespace": {"type": "str", "required": True},
            "groups": {"type": "list", "elements": "str", "required": True},
            "wait_seconds": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        api = DynamicApi(given["kubeconfig"], given["context"], os.path.join(module.tmpdir, "discovery.json"))
        found = rollout.rollout(api, given["namespace"], given["groups"], given["wait_seconds"])
    except InspectionError as error:
        module.fail_json(msg=str(error.problem), problem=error.problem.as_dict())
    except RefusedError as error:
        denied = access_denied(str(error), "list deployments and pods")
        module.fail_json(msg=str(denied), problem=denied.as_dict())
    problem = rollout.unproven(found)
    module.exit_json(changed=False, groups=found, problem=problem.as_dict() if problem else None)


if __name__ == "__main__":
    main()
