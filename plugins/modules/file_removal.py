#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: file_removal
short_description: Remove recorded files and empty directories
version_added: 0.1.0
description:
  - Internal to this collection, and may change in any release.
  - Removes what M(whisperops.gpu.installation_record) has recorded. Never follows a link, and never goes to another
    file system or behind a mount point. What cannot be removed is returned in RV(left), and is no failure.
  - A path is reached from above the topmost directory of O(trees) and O(directories) that it is in. A file that is in
    none of them is left if its own directory is a link or a mount point.
options:
  files:
    description: Files, or links to anything. A directory of that name is left.
    type: list
    elements: path
    default: []
  trees:
    description: Directories that are removed with all of their content.
    type: list
    elements: path
    default: []
  directories:
    description: Directories that are removed if they are empty then.
    type: list
    elements: path
    default: []
  contents:
    description: Directories that are emptied and stay. They may be mount points.
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
- name: Remove the model
  whisperops.gpu.file_removal:
    files: [/var/lib/whisper/models/ggml-base.en.bin]
    directories: [/var/lib/whisper, /var/lib/whisper/models]
"""

RETURN = r"""
removed:
  description: The paths that were removed, or in check mode would be. Not what was in a removed directory.
  returned: success
  type: list
  elements: str
  sample: [/var/lib/whisper/models]
left:
  description: The paths that are left, each with the reason. Not a directory that is left because of another path.
  returned: success
  type: list
  elements: str
  sample: ["/var/lib/whisper (not empty: notes.txt)"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._system.file_removal import FileRemoval, mount_points


def main() -> None:
    paths = {"type": "list", "elements": "path", "default": []}
    module = AnsibleModule(
        argument_spec={"files": paths, "trees": paths, "directories": paths, "contents": paths},
        supports_check_mode=True,
    )
    try:
        removal = FileRemoval(module.check_mode, mount_points()).remove(**module.params)
    except OSError as error:
        module.fail_json(msg=f"{error.filename}: {error.strerror}. Run the task with become: true.")
    diff = {"before": "".join(f"{path}\n" for path in removal.removed), "after": ""}
    module.exit_json(
        changed=bool(removal.removed),
        removed=removal.removed,
        left=removal.left,
        diff=diff if removal.removed else {},
    )


if __name__ == "__main__":
    main()
