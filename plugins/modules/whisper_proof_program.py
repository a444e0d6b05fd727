#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: whisper_proof_program
short_description: Install the standalone proof program
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Writes one file that C(python3 FILE SETTINGS) runs on the host, with the same code that
    M(whisperops.gpu.whisper_inference_info) runs. It needs Python 3.8 or newer and nothing else.
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
- name: Install the proof program
  whisperops.gpu.whisper_proof_program:
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

# The program is made of what is loaded.
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import program as _program
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.archive import install


def main() -> None:
    module = AnsibleModule(argument_spec={"path": {"type": "path", "required": True}}, supports_check_mode=True)
    changed = install(module, _program.__name__, module.params["path"])
    module.exit_json(changed=changed, python=sys.executable)


if __name__ == "__main__":
    main()
