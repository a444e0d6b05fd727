# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change members of a JSON object in its text: each byte that is not in question stays as it was.

A text that was changed and changed back is the text it was before.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple, Sequence

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCALAR = re.compile(r"[^\s,\]}]+")


class Member(NamedTuple):
    """One member of an object: ``start`` is that of its name, ``value`` that of its value."""

    name: str
    start: int
    value: int
    end: int


class _Object(NamedTuple):
    start: int
    end: int
    members: list[Member]


def set_member(text: str, path: Sequence[str], value: Any) -> str:
    """The objects on the way must be there or missing, not something else."""
    found = _object_at(text, 0)
    for depth, name in enumerate(path):
        member = _member(found, name)
        last = depth == len(path) - 1
        if member is None:
            # What is missing on the way comes with the value.
            for outer in reversed(path[depth + 1 :]):
                value = {outer: value}
            return _insert(text, found, name, value)
        if last:
            return text[: member.value] + _written(value, _indent_of(text, member.start), text) + text[member.end :]
        found = _object_at(text, member.value)
    return text


def remove_member(text: str, path: Sequence[str]) -> str:
    """Also what it leaves empty on the way; an object that is not there is no reason to complain."""
    found = _object_at(text, 0)
    way: list[tuple[_Object, Member]] = []
    for name in path:
        member = _member(found, name) if found else None
        if member is None:
            return text
        way.append((found, member))
        is_object = text[member.value] == "{"
        found = _object_at(text, member.value) if is_object else _Object(member.value, member.end, [])
    while len(way) > 1 and len(way[-1][0].members) == 1:
        way.pop()
    holder, member = way[-1]
    at = holder.members.index(member)
    if len(holder.members) == 1:
        return text[: holder.start] + "{}" + text[holder.end :]
    if at == 0:
        return text[: member.start] + text[holder.members[1].start :]
    return text[: holder.members[at - 1].end] + text[member.end :]


def _insert(text: str, holder: _Object, name: str, value: Any) -> str:
    if holder.members:
        last = holder.members[-1]
        gap = text[holder.start + 1 : holder.members[0].start]
        indent = _indent_of(text, holder.members[0].start)
        on_lines = "\n" in gap
        written = json.dumps(name) + ": " + _written(value, indent, text, on_lines)
        between = "," + (gap or " ")
        return text[: last.end] + between + written + text[last.end :]
    outer = _indent_of(text, holder.start)
    indent = outer + _unit(text)
    written = json.dumps(name) + ": " + _written(value, indent, text)
    newline = _newline(text)
    return text[: holder.start] + "{" + newline + indent + written + newline + outer + "}" + text[holder.end :]


def _written(value: Any, indent: str, text: str, on_lines: bool = True) -> str:
    if not on_lines:
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False, indent=_unit(text)).replace("\n", _newline(text) + indent)


def _unit(text: str) -> str:
    """What the text indents by."""
    found = re.search(r"^\{[ \t]*\r?\n([ \t]*)\"", text.lstrip())
    return found.group(1) if found else "  "


def _newline(text: str) -> str:
    """What the text ends its lines with."""
    found = re.search(r"\r?\n", text)
    return found.group() if found else "\n"


def _indent_of(text: str, position: int) -> str:
    line = text[text.rfind("\n", 0, position) + 1 : position]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _member(holder: _Object, name: str) -> Member | None:
    return next((member for member in holder.members if member.name == name), None)


def _object_at(text: str, position: int) -> _Object:
    """The text is known to be JSON: only its spans are looked for."""
    start = position = _after_space(text, position)
    position = _after_space(text, position + 1)
    members = []
    while text[position] != "}":
        name = _end_of_string(text, position)
        value = _after_space(text, _after_space(text, name) + 1)
        end = _end_of_value(text, value)
        members.append(Member(json.loads(text[position:name]), position, value, end))
        position = _after_space(text, end)
        if text[position] == ",":
            position = _after_space(text, position + 1)
    return _Object(start, position + 1, members)


def _end_of_value(text: str, position: int) -> int:
    if text[position] == '"':
        return _end_of_string(text, position)
    if text[position] not in "{[":
        found = _SCALAR.match(text, position)
        return found.end() if found else position
    depth = 0
    while True:
        if text[position] == '"':
            position = _end_of_string(text, position)
            continue
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(text[position], 0)
        position += 1
        if depth == 0:
            return position


def _end_of_string(text: str, position: int) -> int:
    found = _STRING.match(text, position)
    return found.end() if found else len(text)


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position
