# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.models import HUB, MODELS, VAD_MODELS

DOCUMENTATION = r"""
name: whisper_model
short_description: Look up a published model of whisper.cpp
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Looks up a model by the name that whisper.cpp's download scripts give it. Speech models are known, and models for
    voice activity detection (V(silero-v6.2.0)).
positional: hub
options:
  _input:
    description: The model's name, for example V(base.en).
    type: str
    required: true
  hub:
    description:
      - Base URL of a mirror, which has all models in one directory.
      - With its default RV(_value.url) is where the model is published, at a pinned revision. V(small.en-tdrz) and the
        models for voice activity detection have repositories of their own there.
    type: str
    default: https://huggingface.co/ggerganov/whisper.cpp/resolve/5359861c739e955e79d9a303bcbc70fb988958b1
"""

EXAMPLES = r"""
- name: Download a model
  ansible.builtin.get_url:
    url: "{{ model.url }}"
    dest: "/var/lib/whisper/models/{{ model.file }}"
    checksum: "{{ model.checksum }}"
    mode: "0644"
  vars:
    model: "{{ 'base.en' | whisperops.gpu.whisper_model }}"

- name: Show the mirror URL of a model
  ansible.builtin.debug:
    msg: "{{ ('silero-v6.2.0' | whisperops.gpu.whisper_model('https://mirror.example.net/models')).url }}"
"""

RETURN = r"""
_value:
  description: What is published about the model.
  type: dict
  contains:
    file:
      description: The file's name.
      type: str
      sample: ggml-base.en.bin
    url:
      description: Where the file is.
      type: str
      sample: https://mirror.example.net/models/ggml-base.en.bin
    checksum:
      description: The SHA-256 with the algorithm before it, as M(ansible.builtin.get_url) takes it.
      type: str
      sample: sha256:a03779c86df3323075f5e796cb2ce5029f00ec8869eee3fdfb897afe36c6d002
    sha1:
      description: The SHA-1 that the project publishes; null for a model of which it publishes none.
      type: str
      sample: 137c40403d78fd54d454da0f9bd998f78703390c
    bytes:
      description: The exact size.
      type: int
      sample: 147964211
    size_mib:
      description: The size in MiB, rounded up.
      type: int
      sample: 142
"""


def whisper_model(name: Any, hub: Any = HUB) -> dict[str, Any]:
    known = {**MODELS, **VAD_MODELS}
    model = known.get(name) if isinstance(name, str) else None
    if model is None:
        raise AnsibleFilterError(
            f"model_unknown: {name!r} is no model of whisper.cpp. Choose one of {', '.join(known)}."
        )
    if not isinstance(hub, str) or not hub:
        raise AnsibleFilterError(
            f"whisperops.gpu.whisper_model: hub: got {hub!r} ({type(hub).__name__}); allowed: a URL."
        )
    return {
        "file": model.file,
        "url": model.url(hub),
        "checksum": f"sha256:{model.sha256}",
        "sha1": model.sha1,
        "bytes": model.bytes,
        "size_mib": model.size_mib,
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"whisper_model": whisper_model}
