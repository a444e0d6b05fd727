# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How deep a document is nested. Private to this collection.

Reading and writing JSON calls itself for each level: what was just not too deep to be read may be too deep to be
compared, written or handed on.
"""

from __future__ import annotations

from typing import Any, Iterable


def deeper_than(value: Any, levels: int) -> bool:
    """A list or an object is one level, and what is in it the next."""
    level = _containers([value])
    for _number in range(levels):
        level = _containers(
            inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)
        )
    return bool(level)


def _containers(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, (dict, list))]
