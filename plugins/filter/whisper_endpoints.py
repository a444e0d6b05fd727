# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.endpoints import endpoints

DOCUMENTATION = r"""
name: whisper_endpoints
version_added: 0.1.0
short_description: Where the servers of a plan are reached
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Gives one entry for each server of the plan, in the order of the plan.
  - Internal to this collection. The role P(whisperops.gpu.whisper_server#role) leaves the entries in the fact
    C(whisper_server_endpoints) and in C(/etc/whisper/servers.json) on the host.
positional: name, listen_address, host, inference_path
options:
  _input:
    description: The result of P(whisperops.gpu.deployment_plan#filter).
    type: dict
    required: true
  name:
    description: Name of the containers. Their number follows it, from 0.
    type: str
    required: true
  listen_address:
    description: Address that the servers are published on.
    type: str
    required: true
  host:
    description: Name or address of the host for clients, for servers that are published on all addresses.
    type: str
    required: true
  inference_path:
    description: Path that takes the audio.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the URLs of the servers
  ansible.builtin.debug:
    msg: "{{ plan | whisperops.gpu.whisper_endpoints('whisper-server', '::', 'gpu-1', '/x') | map(attribute='url') }}"
"""

RETURN = r"""
_value:
  description: The servers.
  type: list
  elements: dict
  contains:
    port:
      description: Port of the server on the host.
      type: int
      sample: 8080
    gpu:
      description: UUID of the GPU. V(null) for a server on the CPU.
      type: str
      sample: GPU-5bd31b3d-1b2c-4b8e-9d2c-0c3f3a0e1080
    device_code:
      description: The plan's verdict on the image's device code for the GPU. V(null) for a server on the CPU.
      type: str
      sample: native
    container:
      description: Name of the container.
      type: str
      sample: whisper-server-0
    address:
      description: Address at which the host itself reaches the server.
      type: str
      sample: "::1"
    url:
      description: Inference path, as the host itself reaches it.
      type: str
      sample: http://[::1]:8080/inference
    public_url:
      description: The server, as a client elsewhere reaches it.
      type: str
      sample: http://gpu-1:8080
    model:
      description: Model of the server. Only where the plan has several.
      type: str
      sample: base.en
"""


def whisper_endpoints(
    plan: Any, name: str, listen_address: str, host: str, inference_path: str
) -> list[dict[str, Any]]:
    if not isinstance(plan, Mapping):
        raise AnsibleFilterError(
            f"whisperops.gpu.whisper_endpoints: got {type(plan).__name__}; "
            "allowed: the result of whisperops.gpu.deployment_plan."
        )
    return endpoints(plan, name, listen_address, host, inference_path)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"whisper_endpoints": whisper_endpoints}
