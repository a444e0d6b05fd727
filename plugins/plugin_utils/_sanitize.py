# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of hosts, made fit to be shown. Private, and for the control node alone.

A host, an image or a server may answer with anything. On a page or a terminal nothing of it may hide, reorder its
neighbors, give the terminal orders, pass for a line of somebody else, or be too long to look at.
"""

from __future__ import annotations

import math
import unicodedata
from typing import Any, Mapping

# The JSON beside the page has it whole.
LONGEST_TEXT = 2000
LONGEST_CELL = 200
LONGEST_MESSAGE = 20_000
KEPT = "\n\t"
INDENT = "    "
# What Ansible and its callbacks read of a record or a result is no deeper and no larger.
DEEPEST, MOST_VALUES, LONGEST_VALUE, LONGEST_KEY = 20, 200_000, 100_000, 500


def sanitize(value: object, longest: int = LONGEST_TEXT, left_out: str = "are in the JSON") -> str:
    """Control characters, those that turn the direction of writing, and halves of characters become their numbers."""
    whole = _text(value)
    text = "".join(character if _visible(character) else f"⟨U+{ord(character):04X}⟩" for character in whole[:longest])
    left = len(whole) - longest
    return text if left <= 0 else f"{text}… ({left} more characters {left_out})"


def sanitize_line(value: object, longest: int = LONGEST_MESSAGE) -> str:
    """One line, for a terminal."""
    return sanitize(" ".join(_text(value).split()), longest, "left out")


def sanitize_lines(value: object, longest: int = LONGEST_MESSAGE) -> str:
    """For a terminal. Lines after the first are indented: none can pass for one of Ansible or another host."""
    lines = sanitize(_text(value).replace("\r\n", "\n"), longest, "left out").split("\n")
    return f"\n{INDENT}".join(lines)


def bounded(value: Any) -> Any:
    """The same document, where it is no deeper and no larger than anything that this collection makes.

    What goes beyond is replaced by a word that says so: it would cost the run its time, or Python its stack.
    """
    return _bounded(value, DEEPEST, [MOST_VALUES])


def _bounded(value: Any, levels: int, left: list[int]) -> Any:
    left[0] -= 1
    if not isinstance(value, (Mapping, list, tuple)):
        return _scalar(value)
    if levels == 0:
        return "(left out: nested too deep)"
    if isinstance(value, Mapping):
        pairs = ((_text(key)[:LONGEST_KEY], one) for key, one in value.items() if left[0] > 0)
        members = {key: _bounded(one, levels - 1, left) for key, one in pairs}
        return members if len(members) == len(value) else {**members, "left out": "too many values"}
    items = [_bounded(one, levels - 1, left) for one in value if left[0] > 0]
    return items if len(items) == len(value) else [*items, "(left out: too many values)"]


def _scalar(value: Any) -> Any:
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        return f"{value[:LONGEST_VALUE]}… (cut)"
    # JSON knows no other numbers than finite ones, and of one with thousands of digits Python makes no text.
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and abs(value) >= 1 << 1024:
        return "(left out: a number too large)"
    return value


def _text(value: object) -> str:
    try:
        return str(value)
    except (RecursionError, ValueError):
        return f"(a {type(value).__name__} that cannot be shown)"


def _visible(character: str) -> bool:
    if character in KEPT or character.isalnum():
        return True
    # Cc control, Cf format (among them all that turn the direction), Cs surrogate, Co and Cn without a meaning.
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
