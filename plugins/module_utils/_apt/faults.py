# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What in apt's lists keeps apt from working, as far as it can be seen without asking apt or the network."""

from __future__ import annotations

import os
import re
from typing import NamedTuple, Sequence
from urllib.parse import unquote

from ansible_collections.whisperops.gpu.plugins.module_utils._apt import vendors
from ansible_collections.whisperops.gpu.plugins.module_utils._apt.sources import Source, SourceFile

# What a web server sends where the list is not there, and `curl` without --fail writes into the file.
_WEB_ANSWER = re.compile(r"\s*(<|\{\"|[45]\d\d\b|not found|access ?denied|forbidden)", re.IGNORECASE)


class Fault(NamedTuple):
    """Lines, counted from 0, that are to be set aside."""

    path: str
    first: int
    last: int
    why: str

    @property
    def message(self) -> str:
        lines = f"line {self.first + 1}" if self.first == self.last else f"lines {self.first + 1}-{self.last + 1}"
        return f"{self.path}, {lines}: {self.why}"


def of_source(source: Source, why: str) -> Fault:
    return Fault(source.path, source.first, source.last, why)


def places(source: Source) -> list[tuple[str, str]]:
    """What apt takes for one repository."""
    return [(uri.rstrip("/"), suite) for uri in source.uris for suite in source.suites]


def find(files: Sequence[SourceFile], added: Sequence[str]) -> list[Fault]:
    """``added``: addresses that a role is about to add, with a key of its own."""
    found = [Fault(file.path, 0, _last_line(file), "a web page, not a list") for file in files if _is_web_answer(file)]
    known = [(source, vendors.vendor_of(source)) for file in files for source in file.sources]
    for source, vendor in known:
        why = _unusable(source) if vendor else None
        if why is None and not vendors.is_ours(source) and _addressed(source, added):
            why = "another source of the repository that is added with its own key"
        if why is not None:
            found.append(of_source(source, why))
    return found


def _is_web_answer(file: SourceFile) -> bool:
    said = [line for line in file.lines if line.strip() and not line.lstrip().startswith("#")]
    return bool(said) and not file.sources and _WEB_ANSWER.match(said[0]) is not None


def _last_line(file: SourceFile) -> int:
    return len(file.lines) - (1 if file.lines[-1] else 2)


def _unusable(source: Source) -> str | None:
    for uri in source.uris:
        local = re.match(r"(?:file|copy):/*(/.*)", uri)
        if local and not os.path.isdir(unquote(local.group(1))):
            return f"the directory {local.group(1)} is not there"
    keyrings = [key for key in source.signed_by if key.startswith("/")]
    faults = [(keyring, _keyring_fault(keyring)) for keyring in keyrings]
    if source.trusted or not keyrings or len(keyrings) < len(source.signed_by) or any(not why for _key, why in faults):
        return None
    return f"its keyring {faults[0][0]} {faults[0][1]}"


def _keyring_fault(path: str) -> str | None:
    if not os.path.exists(path):
        return "is not there"
    if not os.path.isfile(path):
        return "is no file"
    with open(path, "rb") as handle:
        beginning = handle.read(64).lstrip()
    if not beginning:
        return "is empty"
    return "is a web page" if beginning.startswith(b"<") else None


def _addressed(source: Source, added: Sequence[str]) -> bool:
    return any(vendors.same_address(uri, address) for uri in source.uris for address in added)


def conflicts(sources: Sequence[Source]) -> list[Fault]:
    """Where sources of one repository name different keys, all but the best. Not every apt minds all of these."""
    groups: dict[tuple[str, str], list[Source]] = {}
    for source in sources:
        for place in places(source):
            groups.setdefault(place, []).append(source)
    found: dict[Source, Fault] = {}
    for rivals in groups.values():
        best = min(rivals, key=lambda it: (not vendors.is_ours(it), not it.signed_by))
        for source in rivals:
            if source.signed_by != best.signed_by and vendors.vendor_of(source):
                why = f"its key is not the one that {best.place} names for the same repository"
                found.setdefault(source, of_source(source, why))
    return list(found.values())
