#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_daemon_config
short_description: Change settings in daemon.json of Docker Engine
version_added: 0.1.0
description:
  - Merges settings into Docker Engine's C(daemon.json), or takes some out of it. Each other byte of the file
    stays as it was.
  - It refuses a file that is not understood, a setting that is also on the command line of C(dockerd), and settings
    that C(dockerd --validate) refuses where the engine knows that option (from 23.0). Then nothing is changed.
  - It also refuses to take out a runtime that V(default-runtime) names, because the engine would not start again.
  - The file is replaced in one step, and keeps its owner, mode, SELinux label, line ends and encoding. A file that is
    itself a mount point, as in a container, is overwritten in place.
  - With O(restart=true) the engine takes the settings up. If it does not come up with them, the old file is put back,
    the engine is started with it, and the module fails.
options:
  settings:
    description:
      - What is to be in the file. Objects are merged, key by key; any other value, lists too, takes the place of
        the one before.
    type: dict
    default: {}
  absent:
    description:
      - What is not to be in the file, each as the list of keys that leads to it.
      - An object that this leaves empty goes too, and in the end the file.
    type: list
    elements: list
    default: []
  keep:
    description:
      - What stays as it is where it is there already, each as the list of keys that leads to it. Its part of
        O(settings) is for a file without it.
      - A runtime that is on the command line of C(dockerd) (C(--add-runtime)) is there too.
    type: list
    elements: list
    default: []
  keep_file:
    description: Whether a file without any setting stays, where O(absent) takes out the last one.
    type: bool
    default: false
  path:
    description: The file. Its directory is made if it is not there.
    type: path
    default: /etc/docker/daemon.json
  restart:
    description:
      - Whether the engine is to take changed settings up at once. Nothing happens to it if nothing has changed, nor if
        it does not run.
      - It is told to reload its file where that is enough, which lets containers be, as for V(runtimes),
        V(default-runtime), V(insecure-registries), V(registry-mirrors), V(labels) and V(live-restore); and otherwise
        restarted, which stops containers unless the engine has V(live-restore) set.
      - A runtime that is taken out is known to an engine that reloads until it starts the next time.
    type: bool
    default: false
  service:
    description: The engine's systemd service.
    type: str
    default: docker
  docker_host:
    description: The engine's socket, at which it is seen to run.
    type: str
    default: unix:///var/run/docker.sock
  timeout:
    description: How many seconds the engine may take to come up.
    type: int
    default: 60
  backup:
    description: Whether to keep a copy of the file as it was, beside it.
    type: bool
    default: true
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: full
notes:
  - Passwords in URLs are not shown in the diff.
author:
  - The whisperops.gpu founders (@whisperops)
"""

EXAMPLES = r"""
- name: Add NVIDIA's container runtime
  whisperops.gpu.docker_daemon_config:
    settings:
      runtimes:
        nvidia:
          path: nvidia-container-runtime
    restart: true

- name: Add NVIDIA's container runtime and keep an existing definition
  whisperops.gpu.docker_daemon_config:
    settings:
      runtimes:
        nvidia:
          path: nvidia-container-runtime
    keep:
      - [runtimes, nvidia]

- name: Enable live restore
  whisperops.gpu.docker_daemon_config:
    settings:
      live-restore: true

- name: Remove NVIDIA's container runtime
  whisperops.gpu.docker_daemon_config:
    absent:
      - [runtimes, nvidia]
    restart: true
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
  sample: /etc/docker/daemon.json
changed_keys:
  description: Top-level keys whose value has changed, or in check mode would.
  returned: success
  type: list
  elements: str
  sample: [runtimes]
applied:
  description: What was done to the engine, or in check mode would be, V(none), V(reload) or V(restart).
  returned: success
  type: str
  sample: reload
undo:
  description: What takes the change back, as options of this module.
  returned: success
  type: dict
  contains:
    settings:
      description: The values that other ones took the place of.
      type: dict
    absent:
      description: What was not there before.
      type: list
      elements: list
    keep_file:
      description: Whether the file was there before.
      type: bool
  sample: {settings: {}, absent: [[runtimes, nvidia]], keep_file: true}
validated:
  description: Whether C(dockerd --validate) has accepted the new file. V(false) where the engine is too old to know it.
  returned: success
  type: bool
  sample: true
backup_file:
  description: The copy of the file as it was. V(null) where there was none, or none was asked for.
  returned: success
  type: str
  sample: /etc/docker/daemon.json.2026-11-22-201500~
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._docker import change
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.daemon_config import DaemonConfigError
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.daemon_file import DaemonFile
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.engine_service import EngineService, Host
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import command


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "settings": {"type": "dict", "default": {}},
            "absent": {"type": "list", "elements": "list", "default": []},
            "keep": {"type": "list", "elements": "list", "default": []},
            "keep_file": {"type": "bool", "default": False},
            "path": {"type": "path", "default": "/etc/docker/daemon.json"},
            "restart": {"type": "bool", "default": False},
            "service": {"type": "str", "default": "docker"},
            "docker_host": {"type": "str", "default": "unix:///var/run/docker.sock"},
            "timeout": {"type": "int", "default": 60},
            "backup": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    options = module.params
    file = DaemonFile(options["path"])
    service = EngineService(
        # systemctl waits for the engine, and has to be waited for.
        Host(lambda arguments: command.run(arguments, options["timeout"] + 30), command.which),
        options["service"],
        options["docker_host"].replace("unix://", "", 1),
        options["timeout"],
    )
    try:
        request = change.Request(options["settings"], options["absent"], options["keep"], options["keep_file"])
        planned = change.plan(file, service, request)
        if options["restart"]:
            planned.applied = change.way_to_apply(planned, service)
        if planned.changed and not module.check_mode:
            change.carry_out(planned, file, service, options["backup"])
    except DaemonConfigError as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=planned.changed,
        path=options["path"],
        changed_keys=planned.keys,
        applied=planned.applied,
        undo=dict(planned.undo._asdict(), keep_file=planned.before is not None),
        validated=planned.validated,
        backup_file=planned.backup,
        diff=planned.diff(options["path"]),
    )


if __name__ == "__main__":
    main()
