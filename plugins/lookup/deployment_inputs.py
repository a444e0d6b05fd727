# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: deployment_inputs
short_description: Get the variables of the roles that deploy servers
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Collects the variables of a host that the roles C(docker_engine), C(nvidia_container_toolkit), C(whisper_image),
    C(whisper_server) and C(whisper_proof) take, by their argument specifications.
  - Internal to this collection, and may change in any release.
options:
  _terms:
    description: No term is taken.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Show the changes of a run
  ansible.builtin.debug:
    msg: "{{ host | whisperops.gpu.deployment_changes(plan, lookup('whisperops.gpu.deployment_inputs')) }}"
"""

RETURN = r"""
_list:
  description:
    - One entry. C(options) has each variable with its value or its default. C(inputs) has what is recorded on the host
      when a run completes, the digests of the values that are set and of the collection, and no password.
  type: list
  elements: dict
"""

from typing import Any

from ansible.plugins.lookup import LookupBase
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import inputs

# The one variable that names a file of the control node.
AUDIO = "whisper_proof_audio"


class LookupModule(LookupBase):  # type: ignore[misc]  # ansible-core ships no types
    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[dict[str, Any]]:
        available = variables or {}
        given = {name: self._templar.template(available[name]) for name in inputs.names() if name in available}
        audio = (
            self.find_file_in_search_path(variables, "files", given[AUDIO], ignore_missing=True)
            if AUDIO in given
            else None
        )
        options = {name: given.get(name, inputs.default(name)) for name in inputs.names()}
        return [{"options": options, "inputs": inputs.inputs(given, audio)}]
