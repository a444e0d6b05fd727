#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: installation_record
short_description: Keep the installation record of a host
version_added: 0.1.0
description:
  - Internal to this collection, and may change in any release.
  - Keeps the record of what the roles of this collection installed. The entry point C(remove) of a role reads the
    record, and removes nothing else.
  - Internal to this collection. Without O(role), the module only reads.
  - Files and directories are recorded before they are made, so that an interrupted run has recorded them. Of O(files),
    O(trees) and O(directories), only paths that do not exist are recorded, with the missing directories above. A path
    that exists and is not in the record belongs to somebody else.
  - Names are recorded once, in the order in which they were installed. The file is replaced in one step, and removed
    when nothing is recorded any more.
options:
  role:
    description: The role that installed the entries.
    type: str
    choices:
      - docker_engine
      - nvidia_container_toolkit
      - whisper_image
      - whisper_server
      - whisper_proof
      - gpu_metrics
      - whisper_gateway
      - whisper_api
  state:
    description:
      - Whether the entries are to be in the record.
      - With V(absent) and no entry at all, all entries of the role are removed.
    type: str
    choices: [present, absent]
    default: present
  path:
    description: The file on the host.
    type: path
    default: /etc/whisper/installed.json
  packages:
    description: Packages of Debian or Ubuntu that were not installed before.
    type: list
    elements: str
    default: []
  rpms:
    description: RPM packages that were not installed before.
    type: list
    elements: str
    default: []
  rpm_keys:
    description: Keys that C(rpm) did not trust before, each as the name of its C(gpg-pubkey) package.
    type: list
    elements: str
    default: []
  holds:
    description: Packages that the role holds.
    type: list
    elements: str
    default: []
  users:
    description: Users that were created.
    type: list
    elements: str
    default: []
  images:
    description: Images that were not in Docker Engine before.
    type: list
    elements: str
    default: []
  daemon_config:
    description: Changes of C(daemon.json), from the first to the last.
    type: list
    elements: dict
    default: []
    suboptions:
      undo:
        description: The options of M(whisperops.gpu.docker_daemon_config) that undo the change.
        type: dict
        required: true
      backup:
        description: The copy of the file as it was before the change.
        type: str
  replaced_files:
    description: Files of the host that were replaced. Of two entries with one path, the later one is kept.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The file.
        type: str
        required: true
      content:
        description: The content of the file before it was replaced.
        type: str
        required: true
  files:
    description: Files that the role is about to make.
    type: list
    elements: path
    default: []
  trees:
    description: Directories that the role is about to make, and all of whose content is its own.
    type: list
    elements: path
    default: []
  directories:
    description: Directories that the role is about to make. They are removed when they are empty.
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
- name: Record the image that was pulled
  whisperops.gpu.installation_record:
    role: whisper_image
    images: [ghcr.io/ggml-org/whisper.cpp:main]

- name: Record the model before the download
  whisperops.gpu.installation_record:
    role: whisper_server
    files: [/var/lib/whisper/models/ggml-base.en.bin]

- name: Get the installation record
  whisperops.gpu.installation_record:
  register: installed

- name: Remove the gateway from the installation record
  whisperops.gpu.installation_record:
    role: whisper_gateway
    state: absent
"""

RETURN = r"""
record:
  description: The record, or in check mode what it would be. Each role has each kind, empty where nothing is recorded.
  returned: success
  type: dict
  contains:
    docker_engine:
      description: What this role installed, by the names of the options. Other roles have the same keys.
      type: dict
  sample:
    docker_engine:
      packages: [docker.io, containerd, runc]
      rpms: []
roles:
  description: The roles with an entry in the record. Without a record the list is empty.
  returned: success
  type: list
  elements: str
  sample: [docker_engine, whisper_server]
"""

import contextlib
import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._system.file_lock import FileLockedError
from ansible_collections.whisperops.gpu.plugins.module_utils._system.installation_record import (
    KINDS,
    ROLES,
    InstallationRecordError,
    Record,
    RecordFile,
    added,
    parsed,
    recording_roles,
    removed,
    without_existing,
    written,
)


def specification() -> dict[str, Any]:
    names = {"type": "list", "elements": "str", "default": []}
    paths = {"type": "list", "elements": "path", "default": []}
    undo = {"undo": {"type": "dict", "required": True}, "backup": {"type": "str"}}
    replaced = {"path": {"type": "str", "required": True}, "content": {"type": "str", "required": True}}
    return {
        "role": {
            "type": "str",
            "choices": list(ROLES),
        },
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "path": {"type": "path", "default": "/etc/whisper/installed.json"},
        "packages": names,
        "rpms": names,
        # Names of public keys, as rpm lists them.
        "rpm_keys": {**names, "no_log": False},
        "holds": names,
        "users": names,
        "images": names,
        "daemon_config": {"type": "list", "elements": "dict", "default": [], "options": undo},
        "replaced_files": {"type": "list", "elements": "dict", "default": [], "options": replaced},
        "files": paths,
        "trees": paths,
        "directories": paths,
    }


def wanted(record: Record, options: dict[str, Any]) -> Record:
    if not options["role"]:
        return record
    entries = {kind: options[kind] for kind in KINDS}
    if options["state"] == "absent":
        return removed(record, options["role"], entries)
    return added(record, options["role"], without_existing(entries, os.path.dirname(options["path"])))


def main() -> None:
    module = AnsibleModule(argument_spec=specification(), supports_check_mode=True)
    options = module.params
    file = RecordFile(options["path"])
    writes = options["role"] and not module.check_mode
    try:
        with file.locked() if writes else contextlib.nullcontext():
            before = file.read()
            record = wanted(parsed(before, file.path), options)
            after = written(record)
            if writes and after != before:
                file.replace(after)
    except (FileLockedError, InstallationRecordError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{file.path}: {error.strerror}. Run the task with become: true.")
    changed = bool(options["role"]) and after != before
    diff = {"before_header": file.path, "after_header": file.path, "before": before, "after": after}
    module.exit_json(changed=changed, record=record, roles=recording_roles(record), diff=diff if changed else {})


if __name__ == "__main__":
    main()
