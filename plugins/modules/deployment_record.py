#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: deployment_record
short_description: Record a completed run on the host
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Writes what the run was told, and how it has left the host, to a file that root alone can read. The next run
    compares the host with it (P(whisperops.gpu.deployment_changes#filter)) and applies only what differs.
  - Internal to this collection, and may change in any release.
options:
  inputs:
    description: C(inputs) of P(whisperops.gpu.deployment_inputs#lookup).
    type: dict
    required: true
  plan:
    description: The plan that was applied.
    type: dict
    required: true
  gpu:
    description: The result of M(whisperops.gpu.nvidia_gpu_info) that the plan was made from.
    type: dict
    required: true
  facts:
    description: What the roles have found out, for a run that does not need them.
    type: dict
    default: {}
  model_dir:
    description: Directory of the models.
    type: path
    default: /var/lib/whisper/models
  speech_dir:
    description: Directory of the reference audio.
    type: path
    default: /var/lib/whisper/speech
  docker_host:
    description: Socket of Docker Engine.
    type: str
    default: unix:///run/docker.sock
  path:
    description: The file.
    type: path
    default: /etc/whisper/applied.json
attributes:
  check_mode:
    support: full
    description: Writes nothing in check mode.
  diff_mode:
    support: none
    description: The file says nothing that is not known.
"""

EXAMPLES = r"""
- name: Record the deployment
  whisperops.gpu.deployment_record:
    inputs: "{{ lookup('whisperops.gpu.deployment_inputs').inputs }}"
    plan: "{{ plan }}"
    gpu: "{{ host.gpu }}"
"""

RETURN = r"""
state:
  description: How the host is now, as M(whisperops.gpu.whisper_host_info) returns it.
  returned: success
  type: dict
"""

import json
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._host.deployment import record
from ansible_collections.whisperops.gpu.plugins.module_utils._host.observer import APPLIED, Observer
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError
from ansible_collections.whisperops.gpu.plugins.module_utils._system import whole_file


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "inputs": {"type": "dict", "required": True},
            "plan": {"type": "dict", "required": True},
            "gpu": {"type": "dict", "required": True},
            "facts": {"type": "dict", "default": {}},
            "model_dir": {"type": "path", "default": "/var/lib/whisper/models"},
            "speech_dir": {"type": "path", "default": "/var/lib/whisper/speech"},
            "docker_host": {"type": "str", "default": "unix:///run/docker.sock"},
            "path": {"type": "path", "default": APPLIED},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        observed = Observer().observe(given["model_dir"], given["speech_dir"], given["docker_host"])
    except InspectionError as error:
        module.fail_json(msg=str(error.problem))
    content = record(given["inputs"], given["plan"], given["gpu"], given["facts"], observed)
    try:
        if not module.check_mode:
            write(given["path"], json.dumps(content, indent=1, sort_keys=True) + "\n")
    except OSError as error:
        module.fail_json(msg=f"The record cannot be written: {error}")
    module.exit_json(changed=True, state=content["state"])


def write(path: str, text: str) -> None:
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        # The options' digests are nobody else's business; a file that is replaced keeps its mode.
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    whole_file.replace(path, text.encode("utf-8"))


if __name__ == "__main__":
    main()
