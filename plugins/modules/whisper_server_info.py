#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: whisper_server_info
short_description: Get the whisper.cpp servers of a host
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Reads the plan that C(site.yml) keeps on the host, asks Docker Engine for the servers' containers, and says where
    each server of the plan is reached.
options:
  plan:
    description: Where the plan is kept.
    type: path
    default: /etc/whisper/plan.json
  docker_host:
    description: The engine.
    type: str
    default: unix:///run/docker.sock
attributes:
  check_mode:
    support: full
    description: Changes nothing, so it does the same in check mode.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Get the servers of the host
  whisperops.gpu.whisper_server_info:
  register: whisper

- name: Show the URLs of the running servers
  ansible.builtin.debug:
    msg: "{{ whisper.servers | map(attribute='url') | select }}"
"""

RETURN = r"""
servers:
  description: One entry for each server of the plan.
  returned: success
  type: list
  elements: dict
  contains:
    port:
      description: The server's port on the host.
      type: int
      sample: 8080
    gpu:
      description: UUID of its GPU. V(null) for a server on the CPU.
      type: str
      sample: GPU-5bd31b3d-1b2c-4b8e-9d2c-0c3f3a0e1080
    device_code:
      description: The plan's verdict on the image's device code for the GPU. V(null) for a server on the CPU.
      type: str
      sample: native
    container:
      description: Name of its container. V(null) where none runs on the port.
      type: str
      sample: whisper-server-0
    url:
      description: Its inference path, as the host itself reaches it. V(null) where no container runs on the port.
      type: str
      sample: http://127.0.0.1:8080/v1/audio/transcriptions
plan:
  description: The plan.
  returned: success
  type: dict
  sample: {runtime: cuda, verdict: native}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._image.problems import InspectionError
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.container import connect
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.servers import (
    LABEL,
    PLAN,
    PlanError,
    read_plan,
    servers,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "plan": {"type": "path", "default": PLAN},
            "docker_host": {"type": "str", "default": "unix:///run/docker.sock"},
        },
        supports_check_mode=True,
    )
    try:
        plan = read_plan(module.params["plan"])
        found = servers(plan, connect(module.params["docker_host"]).labelled(LABEL))
    except PlanError as error:
        module.fail_json(msg=str(error))
    except InspectionError as error:
        module.fail_json(msg=f"{error.problem.code}: {error.problem.message} {error.problem.remedy}")
    module.exit_json(changed=False, servers=found, plan=plan)


if __name__ == "__main__":
    main()
