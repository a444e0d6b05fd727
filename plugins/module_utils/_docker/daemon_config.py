# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What daemon.json says, and what it says after a change. Anything that is not understood is refused, not mended."""

from __future__ import annotations

import json
from typing import Any, Iterable, Mapping, NoReturn, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._docker.json_text import remove_member, set_member
from ansible_collections.whisperops.gpu.plugins.module_utils._nested import deeper_than

# What dockerd takes up on SIGHUP; it starts anew for all else. `features` is among what it documents, but CDI is looked
# for at the start only.
RELOADABLE = frozenset(
    {
        "allow-nondistributable-artifacts",
        "authorization-plugins",
        "debug",
        "default-runtime",
        "insecure-registries",
        "labels",
        "live-restore",
        "max-concurrent-downloads",
        "max-concurrent-uploads",
        "max-download-attempts",
        "registry-mirrors",
        "runtimes",
        "shutdown-timeout",
    }
)
_MISSING = object()
# Nothing that dockerd knows has more than five.
_DEEPEST = 50
_TOO_DEEP = object()


class DaemonConfigError(Exception):
    """Its text begins with a problem code."""


class _RepeatedKeyError(Exception):
    pass


class _ConstantError(Exception):
    pass


def members(text: str, path: str) -> dict[str, Any]:
    """As dockerd would read it, but strictly: what readers understand differently is refused."""
    # New engines take an empty file for no settings, old ones refuse it; either way there is nothing to lose.
    if not text.strip():
        return {}
    try:
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise DaemonConfigError(
            f"daemon_config_malformed: {path}, line {error.lineno}, column {error.colno}: {error.msg}."
            " It is left as it is. Correct it, or move it away if nothing in it is needed."
        ) from error
    except (_RepeatedKeyError, _ConstantError, ValueError) as error:
        # Such as a number of thousands of digits.
        raise DaemonConfigError(
            f"daemon_config_malformed: {path}: {error}. It is left as it is. Correct it."
        ) from error
    except RecursionError:
        found = _TOO_DEEP
    if found is _TOO_DEEP or deeper_than(found, _DEEPEST):
        raise DaemonConfigError(
            f"daemon_config_malformed: {path}: nested deeper than {_DEEPEST} levels. It is left as it is. Correct it."
        )
    if not isinstance(found, dict):
        raise DaemonConfigError(
            f"daemon_config_malformed: {path}, line 1, column 1: {_kind(found)} instead of an object."
            " It is left as it is. Correct it, or move it away if nothing in it is needed."
        )
    return found


def merged(text: str, settings: Mapping[str, Any], absent: Iterable[Sequence[str]], path: str) -> str:
    """The text with the settings in it and without what shall be absent; each other byte as it was."""
    existing = members(text, path)
    text = text if text.strip() else "{}\n"
    for way in absent:
        text = remove_member(text, way)
    if text != "{}\n":
        existing = members(text, path)
    for name, value in settings.items():
        text = _set(text, (name,), value, existing.get(name, _MISSING), path)
    return text


def changed_keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return sorted(
        name for name in {*before, *after} if not _same(before.get(name, _MISSING), after.get(name, _MISSING))
    )


def needs_restart(keys: Iterable[str]) -> bool:
    return not RELOADABLE.issuperset(keys)


def _set(text: str, way: tuple[str, ...], value: Any, existing: Any, path: str) -> str:
    if existing is _MISSING:
        return set_member(text, way, value)
    if isinstance(value, dict) and isinstance(existing, dict):
        for name, inner in value.items():
            text = _set(text, (*way, name), inner, existing.get(name, _MISSING), path)
        return text
    if isinstance(value, dict) or isinstance(existing, dict):
        _refuse_form(way, value, existing, path)
    return text if _same(value, existing) else set_member(text, way, value)


def _refuse_form(way: Sequence[str], value: Any, existing: Any, path: str) -> NoReturn:
    raise DaemonConfigError(
        "daemon_config_malformed: {}: {} is {} where {} is to go. It is left as it is. Correct or remove that"
        " key.".format(path, ".".join(way), _kind(existing), _kind(value))
    )


def _same(one: Any, other: Any) -> bool:
    """True is not 1 here, and the order of an object's members is nothing."""
    if one is _MISSING or other is _MISSING:
        return one is other
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object"
    return "an array" if isinstance(value, list) else f"the value {json.dumps(value)}"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _RepeatedKeyError(f"the key {name!r} stands there twice in one object")
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise _ConstantError(f"{name} is no value of JSON")
