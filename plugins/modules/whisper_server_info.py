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
  - Internal to this collection, and may change in any release.
  - Reads the file that the role P(whisperops.gpu.whisper_server#role) writes, asks Docker Engine for the servers'
    containers, and says where each server is reached.
options:
  path:
    description: File with the endpoints of the host's servers.
    type: path
    default: /etc/whisper/servers.json
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
  description: One entry for each server that was deployed.
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
    address:
      description: Address at which the host itself reaches the server.
      type: str
      sample: 127.0.0.1
    public_url:
      description: The server, as a client elsewhere reaches it.
      type: str
      sample: http://gpu-1:8080
    model:
      description: Model of the server. Only where the plan has several.
      type: str
      sample: base.en
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.container import SERVER_LABEL, connect
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.endpoints import PATH, EndpointsError, read
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.servers import servers


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "default": PATH},
            "docker_host": {"type": "str", "default": "unix:///run/docker.sock"},
        },
        supports_check_mode=True,
    )
    try:
        endpoints = read(module.params["path"])
        found = servers(endpoints, connect(module.params["docker_host"]).labelled(SERVER_LABEL))
    except EndpointsError as error:
        module.fail_json(msg=str(error))
    except InspectionError as error:
        module.fail_json(msg=str(error.problem))
    module.exit_json(changed=False, servers=found)


if __name__ == "__main__":
    main()
