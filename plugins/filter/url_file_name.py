# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.models import file_name

DOCUMENTATION = r"""
name: url_file_name
short_description: Get the file name of a model from the URL
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - The name is the last part of the URL's path, decoded. The query, such as the signature of a signed URL, is no part
    of the name.
  - Fails with the code C(model_url_invalid) if the path has no name, or a name that would be outside the directory.
options:
  _input:
    description: URL of a model.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the file name
  ansible.builtin.debug:
    msg: "{{ 'https://models.example.net/ggml-mine.bin?sig=abc' | whisperops.gpu.url_file_name }}"
"""

RETURN = r"""
_value:
  description: The file name.
  type: str
  sample: ggml-mine.bin
"""


def url_file_name(url: Any) -> str:
    try:
        return file_name(str(url))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"url_file_name": url_file_name}
