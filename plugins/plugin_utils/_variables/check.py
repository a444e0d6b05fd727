# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the variables of a host: names that nothing reads, and values of the wrong type. Private."""

from __future__ import annotations

import difflib
from typing import Any, Callable, Iterable, Iterator, Mapping

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .specification import Specification

# How alike two names have to be, of 1, for one to be a slip of the other. All names of a role share their beginning.
LIKE = 0.75
SECRET = "********"


class VariableError(ValueError):
    """One fault of one variable; the text begins with a problem code."""


def candidates(names: Iterable[object], known: Specification, ignored: Iterable[str] = ()) -> list[str]:
    """Names that are the collection's by their beginning. Ours with a leading underscore are private."""
    left_out = known.facts.union(ignored)
    ours = (str(name) for name in names if isinstance(name, str) and name.startswith(known.prefixes))
    return sorted(name for name in ours if name not in left_out)


def is_default(name: str, raw: object, known: Specification) -> bool:
    """Whether a value, not yet evaluated, is the default of its role, which the tests of the roles check."""
    option = known.options.get(name)
    return option is not None and "default" in option and raw == option["default"]


def faults(names: Iterable[str], value: Callable[[str], Any], known: Specification) -> list[VariableError]:
    """All that is wrong, in the order of the names. `value` gives that of a name; it is asked for known names only."""
    found: list[VariableError] = []
    for name in names:
        option = known.options.get(name)
        if option is None:
            found.append(unknown(name, known.options))
        else:
            found += wrong(name, value, option)
    return found


def unknown(name: str, known: Iterable[str], within: str = "") -> VariableError:
    """`within` is the path of the dictionary that has the key."""
    near = nearest(name, known)
    advice = f"Did you mean {within}{near}?" if near else "No known name is like it."
    return VariableError(f"variable_unknown: {within}{name} is not read by anything. {advice}")


def nearest(name: str, known: Iterable[str]) -> str | None:
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=LIKE)
    return found[0] if found else None


def wrong(name: str, value: Callable[[str], Any], option: Mapping[str, Any]) -> list[VariableError]:
    try:
        given = value(name)
    except AnsibleError as error:
        return [VariableError(f"variable_invalid: {name} cannot be evaluated: {error}")]
    found = [unknown(key, options, within) for within, key, options in unknown_keys(name, given, option)]
    texts = invalid(name, known_part(given, option), option)
    return found + [VariableError(f"variable_invalid: {name}: {text}") for text in texts]


def unknown_keys(path: str, value: Any, option: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """(path of the dictionary, key, known keys) for each key that a specification with suboptions lacks."""
    options = option.get("options")
    if not options:
        return
    elements = value if isinstance(value, list) else [value]
    for number, element in enumerate(elements):
        within = f"{path}[{number}]" if isinstance(value, list) else path
        for key, inner in element.items() if isinstance(element, Mapping) else ():
            if key in options:
                yield from unknown_keys(f"{within}.{key}", inner, options[key])
            else:
                yield f"{within}.", str(key), list(options)


def known_part(value: Any, option: Mapping[str, Any]) -> Any:
    """The value without the keys that `unknown_keys` finds, so that each is named once."""
    options = option.get("options")
    if options and isinstance(value, list):
        return [known_part(element, option) for element in value]
    if options and isinstance(value, Mapping):
        return {key: known_part(inner, options[key]) for key, inner in value.items() if key in options}
    return value


def invalid(name: str, value: Any, option: Mapping[str, Any]) -> list[str]:
    """What the specification of one variable says of its value, without secrets."""
    # What the playbooks pass is required of them, and of nobody else.
    checked = ArgumentSpecValidator({name: {**option, "required": False}}).validate({name: value})
    said = [str(text) for text in checked.error_messages]
    # The validator says some things twice, once within a longer text.
    texts = [text for text in said if not any(text != other and text in other for other in said)]
    for secret in sorted(set(secrets(value, option)), key=len, reverse=True):
        texts = [text.replace(secret, SECRET) for text in texts]
    return texts


def secrets(value: Any, option: Mapping[str, Any]) -> Iterator[str]:
    """Texts of a value that the specification lets nobody see."""
    if option.get("no_log"):
        yield from scalars(value)
    for element in value if isinstance(value, list) else [value]:
        if isinstance(element, Mapping):
            for key, suboption in (option.get("options") or {}).items():
                yield from secrets(element.get(key), suboption)


def scalars(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from scalars(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from scalars(inner)
    elif value not in (None, "", True, False):
        yield str(value)
