#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: whisper_server_wait
short_description: Wait for a whisper.cpp server to become ready
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Asks a server for its health until it answers. The socket of a server opens only after its model is loaded.
  - Fails at once when the container has ended for good, and at its second end when the engine restarts the container in
    a loop. The message has a problem code, the exit code, the number of restarts and the fatal log line.
  - Needs root to see what another user's process holds open.
options:
  container:
    description: Name of the server's container.
    type: str
    required: true
  url:
    description: URL of the server's health, for example C(http://127.0.0.1:8080/health).
    type: str
    required: true
  gpu:
    description: UUID of the GPU or MIG device that the server is to use. Unset for a server on the CPU.
    type: str
  timeout_seconds:
    description: Seconds that the server has for loading its model.
    type: int
    default: 120
  docker_host:
    description: The engine of O(container).
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
- name: Wait for the server
  whisperops.gpu.whisper_server_wait:
    container: whisper-server-0
    url: http://127.0.0.1:8080/health
"""

RETURN = r"""
problem:
  description: Why the server is not ready.
  returned: failure
  type: dict
  contains:
    code:
      description: A code to look up in the collection's C(docs/troubleshooting.md).
      type: str
      sample: gpu_out_of_memory
    message:
      description: What was seen.
      type: str
      sample: "The server died at its start (exit code 139, SIGSEGV, restarted 2 times)."
    remedy:
      description: What to do about it.
      type: str
      sample: Choose a smaller model.
ending:
  description: How the server ended. V(null) if it runs.
  returned: failure
  type: dict
  contains:
    exit_code:
      description: Exit code of its process. V(null) if the engine no longer knows it.
      type: int
      sample: 139
    signal:
      description: The signal that ended it, from its exit code. V(null) if none did.
      type: str
      sample: SIGSEGV
    restarts:
      description: How often the engine has started the container again.
      type: int
      sample: 2
    out_of_memory:
      description: Whether the engine says that the kernel ended it for want of memory.
      type: bool
      sample: false
    memory_limit_mib:
      description: Memory limit of its container. V(null) if it has none.
      type: int
      sample: 10042
    lines:
      description: The last lines it wrote before its end.
      type: list
      elements: str
      sample: ["CUDA error: out of memory"]
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.detect import Detector
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.open_devices import OpenDevices
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import wait
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.investigation import investigate
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.server_process import Request, look_at_server


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "container": {"type": "str", "required": True},
            "url": {"type": "str", "required": True},
            "gpu": {"type": "str"},
            "timeout_seconds": {"type": "int", "default": 120},
            "docker_host": {"type": "str", "default": "unix:///run/docker.sock"},
        },
        supports_check_mode=True,
    )
    given = module.params
    request = Request(
        given["url"], audio="", gpu=given["gpu"] or None, container=given["container"], docker_host=given["docker_host"]
    )
    server = wait.until_ready(
        lambda: look_at_server(request), lambda: wait.healthy(request.url), given["timeout_seconds"]
    )
    if server is None:
        module.exit_json(changed=False)
        return
    facts = investigate(server, OpenDevices(), Detector(), request.gpu)._replace(transcribes=False)
    found = wait.why_not(server, facts, given["timeout_seconds"])
    module.fail_json(
        msg=f"{found.code}: {found.message} {found.remedy}",
        problem=asdict(found),
        ending=server.ending.as_dict() if server.ending else None,
    )


if __name__ == "__main__":
    main()
