# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.models import MODELS

DOCUMENTATION = r"""
name: whisper_model
short_description: What is published about a model of whisper.cpp
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Looks up a model by its name, as whisper.cpp's models page lists it.
options:
  _input:
    description: The model's name, for example V(base.en).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Fetch a model
  ansible.builtin.get_url:
    url: "https://huggingface.co/ggerganov/whisper.cpp/resolve/main/{{ model.file }}"
    dest: "/var/lib/whisper/models/{{ model.file }}"
    checksum: "{{ model.checksum }}"
    mode: "0644"
  vars:
    model: "{{ 'base.en' | whisperops.gpu.whisper_model }}"
"""

RETURN = r"""
_value:
  description: C(file), C(checksum) (with its algorithm, as M(ansible.builtin.get_url) takes it) and C(size_mib).
  type: dict
  sample:
    file: ggml-base.en.bin
    checksum: sha1:137c40403d78fd54d454da0f9bd998f78703390c
    size_mib: 142
"""


def whisper_model(name: Any) -> dict[str, Any]:
    model = MODELS.get(name) if isinstance(name, str) else None
    if model is None:
        known = ", ".join(MODELS)
        raise AnsibleFilterError(f"model_unknown: {name!r} is no model of whisper.cpp. Choose one of {known}.")
    return {"file": model.file, "checksum": f"sha1:{model.sha1}", "size_mib": model.size_mib}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"whisper_model": whisper_model}
