# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read apt's lists of package sources, one-line and deb822, well enough to know each source and the lines it stands on.

Whether a list is right is apt's to say: what is not understood here is no source.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple, Sequence

# apt reads no other names in its directory.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.(list|sources)")
_ONE_LINE = re.compile(r"\s*(?:deb|deb-src)\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)")
_FIELD = re.compile(r"([A-Za-z0-9-]+)[ \t]*:(.*)")
_NO = frozenset({"no", "false", "without", "off", "disable", "0"})
_YES = frozenset({"yes", "true", "with", "on", "enable", "1"})


class Source(NamedTuple):
    """One source that is not disabled, and the lines of its file, counted from 0, on which it stands."""

    path: str
    first: int
    last: int
    uris: tuple[str, ...]
    suites: tuple[str, ...]
    # File names, fingerprints or the key itself, as apt compares them.
    signed_by: tuple[str, ...]
    # Marked as trusted, so that apt needs no key.
    trusted: bool

    @property
    def place(self) -> str:
        lines = f"line {self.first + 1}" if self.first == self.last else f"lines {self.first + 1}-{self.last + 1}"
        return f"{self.path}, {lines}"


class SourceFile(NamedTuple):
    path: str
    # With nothing but the line feeds taken off.
    lines: tuple[str, ...]
    # What apt puts in the place of $(ARCH).
    architecture: str

    @property
    def sources(self) -> list[Source]:
        return _stanzas(self) if self.path.endswith(".sources") else _one_lines(self)

    @property
    def content(self) -> bytes:
        return encoded(self.lines)


def encoded(lines: Sequence[str]) -> bytes:
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def read(path: str, architecture: str) -> SourceFile:
    with open(path, "rb") as handle:
        text = handle.read().decode("utf-8", "surrogateescape")
    return SourceFile(path, tuple(text.split("\n")), architecture)


def read_all(main: str, directory: str, architecture: str) -> list[SourceFile]:
    """In the order in which apt reads them."""
    paths = [main]
    if os.path.isdir(directory):
        paths += [os.path.join(directory, name) for name in sorted(os.listdir(directory)) if _NAME.fullmatch(name)]
    return [read(path, architecture) for path in paths if os.path.isfile(path)]


def _one_lines(file: SourceFile) -> list[Source]:
    found = []
    for number, line in enumerate(file.lines):
        match = _ONE_LINE.match(line.partition("#")[0])
        if match:
            pairs = [option.replace("+=", "=").partition("=") for option in (match.group(1) or "").split()]
            options = {name.lower(): value for name, _equals, value in pairs}
            found.append(
                Source(
                    file.path,
                    number,
                    number,
                    _words(match.group(2), file),
                    _words(match.group(3), file),
                    _keys(options.get("signed-by", "")),
                    options.get("trusted", "").lower() in _YES,
                )
            )
    return found


def _stanzas(file: SourceFile) -> list[Source]:
    found = []
    start = None
    for number, line in enumerate([*file.lines, ""]):
        if line.strip() and start is None:
            start = number
        elif not line.strip() and start is not None:
            fields = _fields(file.lines[start:number])
            if fields.get("uris") and fields.get("enabled", "yes").lower() not in _NO:
                found.append(
                    Source(
                        file.path,
                        start,
                        number - 1,
                        _words(fields["uris"], file),
                        _words(fields.get("suites", ""), file),
                        _keys(fields.get("signed-by", "")),
                        fields.get("trusted", "").lower() in _YES,
                    )
                )
            start = None
    return found


def _fields(lines: Sequence[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in lines:
        field = _FIELD.match(line)
        if line.startswith("#"):
            continue
        if line[:1] in " \t":
            fields[name] = f"{fields.get(name, '')}\n{line.strip()}".strip()
        elif field:
            name = field.group(1).lower()
            fields[name] = field.group(2).strip()
    return fields


def _words(value: str, file: SourceFile) -> tuple[str, ...]:
    return tuple(value.replace("$(ARCH)", file.architecture).split())


def _keys(value: str) -> tuple[str, ...]:
    if "-----BEGIN" in value:
        return (value,)
    return tuple(re.split(r"[\s,]+", value.strip())) if value.strip() else ()
