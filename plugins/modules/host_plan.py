#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_plan
short_description: Plan the deployment of a host and list the changes
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Checks the variables of the host as M(whisperops.gpu.assert_variables) does, observes the host
    (M(whisperops.gpu.whisper_host_info)), makes the plan (P(whisperops.gpu.deployment_plan#filter)),
    shows why, and lists the changes (P(whisperops.gpu.deployment_changes#filter)). Decides on the control node.
options:
  host:
    description:
      - The result of M(whisperops.gpu.whisper_host_info). With it, nothing is asked of the host, and its variables are
        not checked.
    type: dict
  observe:
    description: Options of M(whisperops.gpu.whisper_host_info).
    type: dict
    default: {}
  prove:
    description:
      - Whether to prove the servers while the host is observed, with the variables of the role
        P(whisperops.gpu.whisper_proof#role). A server has at most 60 seconds.
    type: bool
    default: false
  catalogue:
    description: As P(whisperops.gpu.deployment_plan#filter) takes it.
    type: list
    elements: dict
  policy:
    description: As P(whisperops.gpu.deployment_plan#filter) takes it.
    type: dict
    default: {}
  measured:
    description:
      - As P(whisperops.gpu.deployment_plan#filter) takes it. Unset, what the last run has recorded on the host.
    type: dict
  retry_crashed:
    description:
      - Whether images whose servers crashed on this host are planned with all the same.
    type: bool
    default: false
  whisper_version:
    description: As P(whisperops.gpu.deployment_plan#filter) takes it.
    type: str
attributes:
  check_mode:
    support: full
    description: Changes nothing. In check mode it says V(changed) where the run would change something.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Plan the deployment
  whisperops.gpu.host_plan:
    policy: "{{ whisper_policy }}"
  register: planned
"""

RETURN = r"""
planned:
  description: What was decided. Next to it is all that M(whisperops.gpu.whisper_host_info) returns.
  returned: success
  type: dict
  contains:
    plan:
      description: The plan.
      returned: success
      type: dict
      sample: {runtime: cuda, origin: official, image: "ghcr.io/ggml-org/whisper.cpp:main-cuda"}
    changes:
      description: The changes, in the order of their roles. Empty where nothing can be deployed.
      returned: success
      type: list
      elements: dict
      sample: [{role: docker_engine, action: install, what: docker.io}]
    inputs:
      description: What is recorded on the host when a run completes.
      returned: success
      type: dict
      sample: {collection: 0.1.0}
    recorded:
      description: What the roles found out at the last run and still holds.
      returned: success
      type: dict
      sample: {image_reference: "ghcr.io/ggml-org/whisper.cpp:main-cuda"}
    crashed:
      description: Official images whose servers have crashed with the GPUs and the driver that the host has now.
      returned: success
      type: dict
      sample: {}
    unavailable:
      description: Those of RV(planned.crashed) that the plan does without, with the reason.
      returned: success
      type: dict
      sample: {}
    summary:
      description: What P(whisperops.gpu.summary#callback) shows of the host.
      returned: success
      type: dict
      sample: {planned: true, rows: [], reasons: "The GPU is supported.", problems: []}
"""
