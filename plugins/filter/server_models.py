# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import model_files
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError

DOCUMENTATION = r"""
name: server_models
version_added: 0.1.0
short_description: Get the files that the servers of a plan load
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Gives one entry for each model of the plan, the default first, then the model for voice activity detection if it is
    used.
positional: options
options:
  _input:
    description: The result of P(whisperops.gpu.deployment_plan#filter).
    type: dict
    required: true
  options:
    description: The variables of P(whisperops.gpu.whisper_server#role) that say where models come from, by name.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the files of the models
  ansible.builtin.debug:
    msg: "{{ plan | whisperops.gpu.server_models({'whisper_server_vad': false}) | map(attribute='file') }}"
"""

RETURN = r"""
_value:
  description: The files.
  type: list
  elements: dict
  contains:
    model:
      description: Name of the model in the plan.
      type: str
      sample: base.en
    file:
      description: Name of the file.
      type: str
      sample: ggml-base.en.bin
    url:
      description: Where the file comes from. May hold a password or a signature.
      type: str
      sample: https://mirror.example.net/models/ggml-base.en.bin
    shown:
      description: The URL without a password or signature.
      type: str
      sample: https://mirror.example.net/models/ggml-base.en.bin
    checksum:
      description: The SHA-256, with the algorithm before it.
      type: str
      sample: sha256:a03779c86df3323075f5e796cb2ce5029f00ec8869eee3fdfb897afe36c6d002
    own:
      description: Whether the file is none of whisper.cpp's project.
      type: bool
      sample: false
    size_mib:
      description: The size in MiB, rounded up. V(0) if it is not known.
      type: int
      sample: 142
"""


def server_models(plan: Mapping[str, Any], options: Mapping[str, Any]) -> list[dict[str, Any]]:
    try:
        return [one._asdict() for one in model_files.model_files(plan, options)]
    except PlanInputError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"server_models": server_models}
