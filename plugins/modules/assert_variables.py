#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: assert_variables
short_description: Assert that the variables of a host are known to whisperops.gpu and valid
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Runs on the control node and asks nothing of the host.
  - Looks at every variable of the host whose name begins with C(whisper_) or with the name of a role of this
    collection, wherever it is set (inventory, play, command line).
  - Fails if no role and no playbook of this collection reads such a variable, which Ansible would ignore, and names the
    nearest name that is read. Keys of dictionaries with a specification, such as C(whisper_policy), are checked too.
  - Fails if the value of a variable is not of the type, or not one of the choices, in the role's argument
    specification.
  - All faults are named at once, one line each.
  - Variables that a role requires and that are unset are no fault. The playbooks of this collection set them.
options:
  ignore:
    description: Variables of your own whose names begin with C(whisper_) or with the name of a role of this collection.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: Changes nothing, so it does the same in check mode.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Assert that the variables are valid
  whisperops.gpu.assert_variables:

- name: Assert that the variables are valid, next to a variable of another role
  whisperops.gpu.assert_variables:
    ignore: [whisper_frontend_port]
"""

RETURN = r"""
msg:
  description:
    - One line for each fault. It begins with V(variable_unknown), V(variable_invalid) or V(proxy_invalid) and names the
      variable.
  returned: failure
  type: str
  sample: "variable_unknown: whisper_polcy is not read by anything. Did you mean whisper_policy?"
variables:
  description: Names of the variables that were checked. One that has the default of its role is left out.
  returned: always
  type: list
  elements: str
  sample: [whisper_policy, whisper_server_listen_address]
"""
