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

from typing import Any, Mapping, Sequence

from ansible.plugins.callback import CallbackBase
from ansible_collections.whisperops.gpu.plugins.plugin_utils._sanitize import (
    LONGEST_CELL,
    sanitize_line,
    sanitize_lines,
)

# Messages up to here go on one line; longer ones, such as a compiler's, keep their lines.
LONGEST_LINE = 500


def cell(value: Any) -> str:
    return "-" if value is None else sanitize_line(value, LONGEST_CELL)


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of a table whose columns are the first row's keys."""
    titles = list(rows[0])
    cells = [[cell(title).upper() for title in titles]]
    cells += [[cell(row.get(title)) for title in titles] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in cells]


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
        made = stats.custom.get("_run", {}).get("whisperops_summary")
        rows = [row for row in made if isinstance(row, Mapping)] if isinstance(made, list) else []
        if not rows:
            return
        servers = [row for row in rows if row.get("transcript", "-") != "-"]
        columns = [{key: value for key, value in row.items() if key != "transcript" or len(rows) > 1} for row in rows]
        for line in table(columns):
            self._display.display(line)
        for host, why in stats.custom["_run"].get("whisperops_reasons", {}).items():
            self._display.display(f"\n{sanitize_line(host)}: {sanitize_line(why)}")
        for host, problems in stats.custom["_run"].get("whisperops_problems", {}).items():
            for problem in problems:
                self._display.display(f"\n{sanitize_line(host)}: {sanitize_line(problem)}", color="yellow")
        if len(rows) == len(servers) == 1:
            said, where = sanitize_line(servers[0]["transcript"]), sanitize_line(servers[0].get("server"))
            self._display.display(f"\ntranscript: {said}\nserver: {where}")
