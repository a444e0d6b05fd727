#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_metrics_program
short_description: Install the metrics program of a GPU host
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Writes one file that C(python3 FILE --textfile FILE --state FILE) runs on the host. It tells node_exporter's
    textfile collector of the host's plan, servers, driver and kernel log, and asks NVML with the same code that
    M(whisperops.gpu.nvidia_gpu_info) does. It needs Python 3.8 or newer and nothing else.
options:
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
- name: Install the host metrics program
  whisperops.gpu.gpu_metrics_program:
    path: /usr/local/lib/whisper-metrics/host_metrics.pyz
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

# The program is made of what is loaded.
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import host_metrics as _program
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.archive import install


def main() -> None:
    module = AnsibleModule(argument_spec={"path": {"type": "path", "required": True}}, supports_check_mode=True)
    changed = install(module, _program.__name__, module.params["path"])
    module.exit_json(changed=changed, python=sys.executable)


if __name__ == "__main__":
    main()
