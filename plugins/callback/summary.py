# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: summary
type: aggregate
short_description: Show a summary table at the end of a run
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - After the recap, prints what failed on which host, one paragraph each, the table of all servers, and the problems of
    the hosts.
  - What hosts answered is shown without control characters, and no line of it can pass for one of Ansible or of another
    host.
  - Needs to be enabled.
requirements:
  - C(callbacks_enabled = whisperops.gpu.summary) in the C([defaults]) of C(ansible.cfg).
"""

from typing import Any, Mapping

from ansible.plugins.callback import CallbackBase
from ansible_collections.whisperops.gpu.plugins.plugin_utils._sanitize import sanitize_line, sanitize_lines
from ansible_collections.whisperops.gpu.plugins.plugin_utils._summary import summary

# Messages up to here go on one line; longer ones, such as a compiler's, keep their lines.
LONGEST_LINE = 500


def message(result: Mapping[str, Any]) -> str:
    """What a failed task says; of a loop, what its first failed item says."""
    items = result.get("results")
    loop = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    failed = next((item for item in loop if item.get("failed")), result)
    return str(failed.get("msg", ""))


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible-core ships no types
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "whisperops.gpu.summary"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._failures: dict[str, str] = {}

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            self._failures[result.host.get_name()] = message(result.result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._failures[result.host.get_name()] = str(result.result.get("msg", ""))

    def v2_playbook_on_stats(self, stats: Any) -> None:
        # A failure that a rescue has dealt with is none.
        for host, text in self._failures.items():
            if stats.failures.get(host) or stats.dark.get(host):
                said = sanitize_line(text) if len(text) < LONGEST_LINE else sanitize_lines(text)
                self._display.display(f"{sanitize_line(host)}: {said}\n", color="red")
        made = stats.custom.get("_run", {})
        reasons, problems = made.get("whisperops_reasons"), made.get("whisperops_problems")
        for line in summary(made.get("whisperops_summary"), reasons, problems, made.get("whisperops_changes")):
            self._display.display(line.text, color=line.color)
