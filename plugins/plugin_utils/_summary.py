# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table at the end of a run, with reasons and problems of the hosts. Private, and for the control node alone.

What hosts answered is shown without control characters, and no line of it can pass for another host's.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping, NamedTuple, Sequence

from ansible_collections.whisperops.gpu.plugins.plugin_utils._sanitize import LONGEST_CELL, sanitize_line


class Line(NamedTuple):
    text: str
    color: str | None = None


def summary(rows: Any, reasons: Any = None, problems: Any = None, changes: Any = None) -> Iterator[Line]:
    """Nothing without rows. `reasons`: host → sentence; `problems` and `changes`: host → list of sentences."""
    table_rows = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    if not table_rows:
        return
    servers = [row for row in table_rows if row.get("transcript", "-") != "-"]
    # The transcript of a single server gets lines of its own.
    several = len(table_rows) > 1
    shown = [{key: value for key, value in row.items() if key != "transcript" or several} for row in table_rows]
    yield from (Line(text) for text in table(shown))
    for host, why in (reasons or {}).items():
        yield from (Line(""), Line(f"{sanitize_line(host)}: {sanitize_line(why)}"))
    for host, listed in (changes or {}).items():
        yield from (Line(""), Line(f"{sanitize_line(host)}: {_changes_title(listed)}"))
        yield from (Line(f"  {sanitize_line(change)}") for change in listed)
    for host, sentences in (problems or {}).items():
        for sentence in sentences:
            yield from (Line(""), Line(f"{sanitize_line(host)}: {sanitize_line(sentence)}", "yellow"))
    if len(table_rows) == len(servers) == 1:
        yield Line("")
        yield Line(f"transcript: {sanitize_line(servers[0]['transcript'])}")
        yield Line(f"server: {sanitize_line(servers[0].get('server'))}")


def _changes_title(listed: Sequence[str]) -> str:
    """A check (its line begins with ?) is no change."""
    checks = sum(line.startswith("?") for line in listed)
    numbers = ((len(listed) - checks, "to change"), (checks, "to check"))
    return ", ".join(f"{number} {what}" for number, what in numbers if number) or "nothing to change"


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of a table whose columns are the first row's keys."""
    titles = list(rows[0])
    cells = [[_cell(title).upper() for title in titles]]
    cells += [[_cell(row.get(title)) for title in titles] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in cells]


def _cell(value: Any) -> str:
    return "-" if value is None else sanitize_line(value, LONGEST_CELL)
