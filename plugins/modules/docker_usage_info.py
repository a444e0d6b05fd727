#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_usage_info
short_description: Get the content of Docker Engine that this collection did not make
version_added: 0.1.0
description:
  - Internal to this collection, and may change in any release.
  - Lists containers, images, volumes, networks, plugins and a swarm of Docker Engine, and namespaces of containerd,
    that are not this collection's own. Docker Engine is removed only where the list is empty.
options:
  images:
    description: The recorded images. The images that this collection built are known by name.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: none
author:
  - The whisperops.gpu founders (@whisperops)
"""

EXAMPLES = r"""
- name: Get the content of Docker Engine
  whisperops.gpu.docker_usage_info:
    images: [ghcr.io/ggml-org/whisper.cpp:main]
  register: usage
"""

RETURN = r"""
answers:
  description: Whether Docker Engine answers.
  returned: success
  type: bool
  sample: true
installed:
  description: Whether Docker Engine is installed.
  returned: success
  type: bool
  sample: true
others:
  description: What is not this collection's own, by kind and name. Empty where Docker Engine does not answer.
  returned: success
  type: list
  elements: str
  sample: [container theirs, containerd namespace k8s.io]
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.content import Host, others
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.client import DAEMON_PROGRAMS, SOCKET, Engine
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError
from ansible_collections.whisperops.gpu.plugins.module_utils._system import run_command

LONGEST_SECONDS = 120


def main() -> None:
    module = AnsibleModule(
        argument_spec={"images": {"type": "list", "elements": "str", "default": []}}, supports_check_mode=True
    )
    host = Host(Engine(SOCKET, LONGEST_SECONDS).ask, run_command.run, run_command.which)
    installed = any(map(os.path.exists, DAEMON_PROGRAMS))
    try:
        found = others(host, module.params["images"])
    except InspectionError as error:
        if error.problem.code != "docker_unreachable":
            module.fail_json(msg=str(error.problem))
        module.exit_json(changed=False, answers=False, installed=installed, others=[])
    module.exit_json(changed=False, answers=True, installed=installed, others=found)


if __name__ == "__main__":
    main()
