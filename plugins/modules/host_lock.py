#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_lock
short_description: Acquire or release the host lock, so that one run at a time changes a host
version_added: 0.1.0
description:
  - Internal to this collection, and may change in any release.
  - Locks a host for this run of Ansible. The task fails with C(run_in_progress) where another run has the lock, and
    names that run.
  - The lock of a run that was killed is taken over. A run of the same control node is known to have ended at once, any
    other one counts as ended after O(stale_minutes). No lock outlives a restart of the host.
  - A run may acquire its own lock again. With O(state=released), the lock of another run is left alone.
  - In check mode nothing is locked, and nothing is asked of the host.
options:
  state:
    description: Whether this run is to have the lock.
    type: str
    choices: [acquired, released]
    default: acquired
  path:
    description: The lock file on the host.
    type: path
    default: /run/whisperops.lock
  stale_minutes:
    description: After how many minutes the lock of any run is taken over.
    type: float
    default: 240
  run:
    description: This run, by its process on the control node. Set by the action plugin of the same name.
    type: dict
    default: {}
  ended:
    description: The run that the control node knows to have ended. Set by the action plugin of the same name.
    type: dict
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: none
notes:
  - RV(ignore:changed) is always V(false). The lock is no part of the host's configuration.
author:
  - The whisperops.gpu founders (@whisperops)
"""

EXAMPLES = r"""
- name: Change the host while no other run does
  block:
    - name: Acquire the host lock
      whisperops.gpu.host_lock:

    - name: Install and start Docker Engine
      ansible.builtin.import_role:
        name: whisperops.gpu.docker_engine
  always:
    - name: Release the host lock
      whisperops.gpu.host_lock:
        state: released
"""

RETURN = r"""
acquired:
  description: Whether this run has the lock. Always V(false) in check mode.
  returned: success
  type: bool
  sample: true
holder:
  description: The run that has the lock, where it is not this one.
  returned: failure
  type: dict
  contains:
    user:
      description: Who started the run.
      type: str
    control_node:
      description: The control node of the run.
      type: str
    process:
      description: The process ID of the run on the control node.
      type: int
    started:
      description: When the process started, in clock ticks since the start of the control node.
      type: str
    kernel:
      description: The start and the process namespace of the control node.
      type: str
    host:
      description: The name of the host in the inventory of the run.
      type: str
    since:
      description: When the run acquired the lock.
      type: str
  sample:
    user: ops
    control_node: deploy.example.net
    process: 4711
    started: "8912345"
    kernel: 6f1d7a5e-2c7b-4a52-9c5e-0d3f3a0f2a11 pid:[4026531836]
    host: speech-1
    since: 2026-11-28 03:12:45 UTC
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._system.file_lock import FileLockedError
from ansible_collections.whisperops.gpu.plugins.module_utils._system.host_lock import HostLock


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["acquired", "released"], "default": "acquired"},
            "path": {"type": "path", "default": "/run/whisperops.lock"},
            "stale_minutes": {"type": "float", "default": 240},
            "run": {"type": "dict", "default": {}},
            "ended": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    options = module.params
    if module.check_mode:
        module.exit_json(changed=False, acquired=False, holder=None)
    lock, holder = HostLock(options["path"]), None
    try:
        if options["state"] == "acquired":
            holder = lock.acquire(options["run"], options["stale_minutes"] * 60, options["ended"])
        else:
            lock.release(options["run"])
    except FileLockedError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{options['path']}: {error.strerror}. Run the task with become: true.")
    # The action plugin decides whether a run that has the lock is a failure.
    module.exit_json(changed=False, acquired=options["state"] == "acquired" and holder is None, holder=holder)


if __name__ == "__main__":
    main()
