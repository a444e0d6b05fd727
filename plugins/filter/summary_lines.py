# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.whisperops.gpu.plugins.plugin_utils._summary import summary

DOCUMENTATION = r"""
name: summary_lines
version_added: 0.1.0
short_description: Render the table at the end of a run as lines
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Gives the lines that the callback C(whisperops.gpu.summary) prints after the recap, for runs that do not enable it.
  - What hosts answered is shown without control characters.
positional: reasons, problems, changes
options:
  _input:
    description: The rows. The keys of the first are the columns.
    type: list
    elements: dict
    required: true
  reasons:
    description: Host to sentence, shown below the table.
    type: dict
    default: {}
  problems:
    description: Host to list of sentences, shown at the end.
    type: dict
    default: {}
  changes:
    description: Host to lines of P(whisperops.gpu.change_lines#filter), shown below the reasons.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show the plan of all hosts
  ansible.builtin.debug:
    msg: "{{ rows | whisperops.gpu.summary_lines }}"
"""

RETURN = r"""
_value:
  description: The lines. None without rows.
  type: list
  elements: str
  sample: ["HOST   GPU", "gpu-1  NVIDIA GeForce GTX 1080"]
"""


def summary_lines(rows: Any, reasons: Any = None, problems: Any = None, changes: Any = None) -> list[str]:
    return [line.text for line in summary(rows, reasons, problems, changes)]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"summary_lines": summary_lines}
