#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_program
short_description: Install a program of this collection on a host
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Writes one file that C(python3 FILE) runs on the host, made of the code that this collection's modules run. It needs
    Python 3.8 or newer and nothing else.
options:
  program:
    description:
      - V(proof) makes the proof of M(whisperops.gpu.whisper_inference_info) for each server of the host.
      - V(host_metrics) writes metrics of the GPUs and servers for Prometheus.
      - V(activator) unloads servers that nobody uses, and loads them for the next request.
    type: str
    choices: [proof, host_metrics, activator]
    required: true
  path:
    description: Where to write it.
    type: path
    required: true
attributes:
  check_mode:
    support: full
    description: It says whether the file would change, and writes none.
  diff_mode:
    support: none
    description: The file is an archive.
"""

EXAMPLES = r"""
- name: Install the proof program
  whisperops.gpu.host_program:
    program: proof
    path: /usr/local/lib/whisper/proof.pyz
  become: true
"""

RETURN = r"""
python:
  description: The Python that the module ran with, which can run the program too.
  returned: success
  type: str
  sample: /usr/bin/python3
"""

import sys

from ansible.module_utils.basic import AnsibleModule

# A program is made of what is loaded.
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import activator, host_metrics
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import program as proof
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.archive import install

PROGRAMS = {"proof": proof, "host_metrics": host_metrics, "activator": activator}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "program": {"type": "str", "choices": list(PROGRAMS), "required": True},
            "path": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    changed = install(module, PROGRAMS[module.params["program"]].__name__, module.params["path"])
    module.exit_json(changed=changed, python=sys.executable)


if __name__ == "__main__":
    main()
