#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: package_removal
short_description: Remove packages that no other package needs
version_added: 0.1.0
description:
  - Internal to this collection, and may change in any release.
  - Removes packages with their configuration, with C(dpkg) and C(rpm). M(ansible.builtin.apt) and
    M(ansible.builtin.dnf) would also remove every package that depends on one of them.
  - A package that another one needs stays, unless it is in O(required). A package that is held does not stay, and one
    that is not installed is left out.
options:
  packages:
    description: Packages of Debian or Ubuntu.
    type: list
    elements: str
    default: []
  rpms:
    description: RPM packages, by name or by name, version and release.
    type: list
    elements: str
    default: []
  required:
    description: Those of the packages that must not stay. The module fails where another package needs one of them.
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
- name: Remove the packages of the NVIDIA Container Toolkit
  whisperops.gpu.package_removal:
    packages: [nvidia-container-toolkit, libnvidia-container1, gpg]
    required: [nvidia-container-toolkit]
"""

RETURN = r"""
removed:
  description: The packages that were removed, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [nvidia-container-toolkit, libnvidia-container1]
kept:
  description: The packages that stay because another one needs them.
  returned: success
  type: list
  elements: str
  sample: [gpg]
"""

import functools
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._system import run_command
from ansible_collections.whisperops.gpu.plugins.module_utils._system.package_removal import (
    PackageRemovalError,
    remove,
    with_dpkg,
    with_rpm,
)

# Docker Engine stops its containers meanwhile.
LONGEST_SECONDS = 900


def main() -> None:
    names = {"type": "list", "elements": "str", "default": []}
    module = AnsibleModule(
        argument_spec={"packages": names, "rpms": names, "required": names}, supports_check_mode=True
    )
    options = module.params
    # A package may ask questions.
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    run = functools.partial(run_command.run, timeout_seconds=LONGEST_SECONDS)
    try:
        removals = [
            remove(with_dpkg, options["packages"], options["required"], run, module.check_mode),
            remove(with_rpm, options["rpms"], options["required"], run, module.check_mode),
        ]
    except PackageRemovalError as error:
        module.fail_json(msg=str(error))
    removed = [name for removal in removals for name in removal.removed]
    kept = [name for removal in removals for name in removal.kept]
    module.exit_json(changed=bool(removed), removed=removed, kept=kept)


if __name__ == "__main__":
    main()
