# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.whisperops.gpu.plugins.module_utils._system.passwords import hidden

DOCUMENTATION = r"""
name: mask_credentials
short_description: Mask the credentials of URLs
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Masks user and password, and the query, of every URL in a text.
options:
  _input:
    description: The text.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show where the model comes from
  ansible.builtin.debug:
    msg: "{{ 'https://models.example.net/ggml-mine.bin?sig=abc' | whisperops.gpu.mask_credentials }}"
"""

RETURN = r"""
_value:
  description: The text without credentials.
  type: str
  sample: https://models.example.net/ggml-mine.bin?********
"""


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"mask_credentials": lambda text: hidden(str(text))}
