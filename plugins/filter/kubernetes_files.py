# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError

DOCUMENTATION = r"""
name: kubernetes_files
version_added: 0.1.0
short_description: Render the objects of a Kubernetes cluster
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Gives the objects of a plan as files. The same plan and options give the same bytes.
positional: options
options:
  _input:
    description: The result of P(whisperops.gpu.kubernetes_plan#filter).
    type: dict
    required: true
  options:
    description: The variables of P(whisperops.gpu.whisper_kubernetes#role) and P(whisperops.gpu.whisper_server#role).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the names of the files
  ansible.builtin.debug:
    msg: "{{ plan | whisperops.gpu.kubernetes_files(options) | map(attribute='name') }}"
"""

RETURN = r"""
_value:
  description: The C(name) and C(content) of each file, and its C(objects).
  type: list
  elements: dict
"""


def kubernetes_files(plan: Mapping[str, Any], options: Mapping[str, Any]) -> list[dict[str, Any]]:
    from ansible_collections.whisperops.gpu.plugins.module_utils._prover import program
    from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.archive import archive
    from ansible_collections.whisperops.gpu.plugins.plugin_utils._kubernetes.files import files
    from ansible_collections.whisperops.gpu.plugins.plugin_utils._kubernetes.options import Options

    try:
        found = files(plan, Options.of(options), archive(program.__name__))
    except PlanInputError as error:
        raise AnsibleFilterError(str(error)) from None
    return [{"name": file.name, "content": file.content, "objects": file.objects} for file in found]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"kubernetes_files": kubernetes_files}
