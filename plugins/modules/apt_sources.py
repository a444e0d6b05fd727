#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: apt_sources
short_description: Disable package sources that break apt
version_added: 0.1.0
description:
  - For the roles of this collection, before they call apt. Finds sources of NVIDIA and Docker that earlier instructions
    left and that apt cannot use, by what the lists say, under any file name, one-line and deb822.
  - It sets aside a web page that was saved as a list, a source whose keyring or local directory is not there, sources
    of one repository that name different keys, a source of the NVIDIA Container Toolkit that apt cannot
    update from,
    and sources of O(adds).
  - To set aside is to put C(#whisperops.gpu:) in front of a line. No line and no file is removed, and O(state=restored)
    takes the marks away again.
  - Sources of NVIDIA and Docker that are left are tried one by one, without changing what apt knows. One that apt
    cannot update from makes the module fail, as do lists that apt cannot read. Then nothing is changed.
  - Other sources, disabled sources and comments are never changed. On a host without apt nothing is done.
options:
  adds:
    description: Addresses of repositories that are about to be added with a key of their own.
    type: list
    elements: str
    default: []
  state:
    description:
      - V(usable) sets aside what keeps apt from working.
      - V(restored) gives back what was set aside, except next to a source of this collection that names another key.
    type: str
    choices: [usable, restored]
    default: usable
  files:
    description: With O(state=restored), the only lists to change. All where none is named.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: full
author:
  - The whisperops.gpu founders (@whisperops)
"""

EXAMPLES = r"""
- name: Disable package sources that break apt
  whisperops.gpu.apt_sources:
    adds:
      - https://nvidia.github.io/libnvidia-container/stable/deb/amd64

- name: Restore the disabled package sources
  whisperops.gpu.apt_sources:
    state: restored
"""

RETURN = r"""
files:
  description: The lists that were changed, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [/etc/apt/sources.list.d/nvidia-docker.list]
problems:
  description: What was set aside, and why. Each is shown as a warning too.
  returned: success
  type: list
  elements: dict
  contains:
    code:
      description: V(apt_source_set_aside).
      type: str
    message:
      description: The list, its lines, and the reason.
      type: str
    remedy:
      description: What to do.
      type: str
  sample:
    - code: apt_source_set_aside
      message: "/etc/apt/sources.list.d/nvidia-docker.list, lines 1-3: a web page, not a list"
      remedy: "Remove it, or mend it and take the mark #whisperops.gpu: away."
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._apt.apt import Apt
from ansible_collections.whisperops.gpu.plugins.module_utils._apt.plan import AptSourcesError, Plan, plan, restore
from ansible_collections.whisperops.gpu.plugins.module_utils._apt.setting_aside import MARK
from ansible_collections.whisperops.gpu.plugins.module_utils._apt.sources import SourceFile, read_all
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import command
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Problem
from ansible_collections.whisperops.gpu.plugins.module_utils._system import whole_file
from ansible_collections.whisperops.gpu.plugins.module_utils._system.passwords import hidden


def wanted(options: dict[str, Any], files: list[SourceFile], main: str, apt: Apt) -> Plan:
    if options["state"] == "usable":
        return plan(files, main, apt, options["adds"])
    return restore(files, options["files"])


def shown(before: SourceFile, after: SourceFile) -> dict[str, str]:
    texts = [hidden(file.content.decode("utf-8", "replace")) for file in (before, after)]
    return {"before_header": before.path, "after_header": before.path, "before": texts[0], "after": texts[1]}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "adds": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["usable", "restored"], "default": "usable"},
            "files": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    program = command.which("apt-get")
    if program is None:
        module.exit_json(changed=False, files=[], problems=[])
        return
    apt = Apt(program, command.run)
    try:
        settings = apt.settings()
        files = read_all(*settings)
        planned = wanted(module.params, files, settings.main, apt)
        changed = [(before, after) for before, after in zip(files, planned.files) if before != after]
        for _before, after in changed:
            if not module.check_mode:
                whole_file.replace(os.path.realpath(after.path), after.content)
    except AptSourcesError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(
            msg=f"apt_sources_unreadable: {error.filename}: {error.strerror}. Run the task with become: true."
        )
    remedy = f"Remove it, or mend it and take the mark {MARK.strip()} away. playbooks/remove.yml takes it away too."
    problems = [Problem("apt_source_set_aside", fault.message, remedy) for fault in planned.set_aside]
    for problem in problems:
        module.warn(f"{problem.code}: {problem.message}. {problem.remedy}")
    module.exit_json(
        changed=bool(changed),
        files=[before.path for before, _after in changed],
        problems=[vars(problem) for problem in problems],
        diff=[shown(before, after) for before, after in changed],
    )


if __name__ == "__main__":
    main()
