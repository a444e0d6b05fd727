# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes a change of daemon.json back: to set again what was replaced, and to take out what was new."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple, Sequence

_MISSING = object()


class Undo(NamedTuple):
    settings: dict[str, Any]
    absent: list[list[str]]


def undo(existing: Mapping[str, Any], settings: Mapping[str, Any], absent: Iterable[Sequence[str]]) -> Undo:
    """``settings`` and ``absent`` are what was asked for, ``existing`` what the file said before."""
    before = Undo({}, [])
    for way in absent:
        value = at(existing, way)
        if value is not _MISSING:
            _put(before.settings, way, value)
    for name, value in settings.items():
        _look(before, [name], value, existing.get(name, _MISSING))
    return before


def there(members: Mapping[str, Any], way: Sequence[str]) -> bool:
    """A null is to dockerd as if nothing were there."""
    return at(members, way) not in (_MISSING, None)


def at(members: Mapping[str, Any], way: Sequence[str]) -> Any:
    found: Any = members
    for name in way:
        if not isinstance(found, dict) or name not in found:
            return _MISSING
        found = found[name]
    return found


def _look(before: Undo, way: list[str], value: Any, existing: Any) -> None:
    if isinstance(value, dict) and isinstance(existing, dict):
        for name, inner in value.items():
            _look(before, [*way, name], inner, existing.get(name, _MISSING))
    elif existing is not _MISSING and existing is not None:
        if existing != value:
            _put(before.settings, way, existing)
    elif len(way) == 1 and isinstance(value, dict):
        # Others may add members of their own to an object that was new: they stay.
        before.absent.extend([*way, name] for name in value)
    else:
        before.absent.append(way)


def _put(settings: dict[str, Any], way: Sequence[str], value: Any) -> None:
    for name in way[:-1]:
        settings = settings.setdefault(name, {})
    settings[way[-1]] = value
