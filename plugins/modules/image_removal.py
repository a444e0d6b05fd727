#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_removal
short_description: Remove the images of whisper.cpp that no other container uses
version_added: 0.1.0
description:
  - Internal to this collection, and may change in any release.
  - Removes the images that this collection built or pulled from Docker Engine, if Docker Engine answers.
  - An image stays if a container of somebody else was created from it, by name or by ID. It is returned in RV(left),
    and is no failure. Of an image that has another name too, only this collection's name is removed.
options:
  images:
    description: The recorded images. The images that this collection built are known by name.
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
- name: Remove the images
  whisperops.gpu.image_removal:
    images: [ghcr.io/ggml-org/whisper.cpp:main]
"""

RETURN = r"""
answers:
  description: Whether Docker Engine answers.
  returned: success
  type: bool
  sample: true
removed:
  description: The images that were removed, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: ["ghcr.io/ggml-org/whisper.cpp:main"]
left:
  description: The images that stay, each with the reason.
  returned: success
  type: list
  elements: str
  sample: ["debian:trixie-slim (used by container theirs)"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.content import content
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.image_removal import deleter, remove
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.client import SOCKET, Engine
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError

LONGEST_SECONDS = 300


def main() -> None:
    module = AnsibleModule(
        argument_spec={"images": {"type": "list", "elements": "str", "default": []}}, supports_check_mode=True
    )
    engine = Engine(SOCKET, LONGEST_SECONDS)
    try:
        seen = content(engine.ask)
        removal = remove(seen, module.params["images"], deleter(engine), module.check_mode)
    except InspectionError as error:
        if error.problem.code != "docker_unreachable":
            module.fail_json(msg=str(error.problem))
        module.exit_json(changed=False, answers=False, removed=[], left=[])
    module.exit_json(changed=bool(removal.removed), answers=True, removed=removal.removed, left=removal.left)


if __name__ == "__main__":
    main()
