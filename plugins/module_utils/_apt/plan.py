# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make apt's lists such that apt can work: what is told apart here, and what cannot be made so."""

from __future__ import annotations

import shlex
from typing import NamedTuple, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._apt import faults, setting_aside, vendors
from ansible_collections.whisperops.gpu.plugins.module_utils._apt.apt import Apt
from ansible_collections.whisperops.gpu.plugins.module_utils._apt.faults import Fault
from ansible_collections.whisperops.gpu.plugins.module_utils._apt.sources import Source, SourceFile
from ansible_collections.whisperops.gpu.plugins.module_utils._system.passwords import hidden


class AptSourcesError(Exception):
    """Its text begins with a problem code."""


class Plan(NamedTuple):
    files: list[SourceFile]
    set_aside: list[Fault]


def plan(files: Sequence[SourceFile], main: str, apt: Apt, added: Sequence[str]) -> Plan:
    """The lists as they are to be. Refuses what only their owner can mend, and changes nothing."""
    found = faults.find(files, added)
    wanted = [setting_aside.set_aside(file, found) for file in files]
    answer = apt.read(wanted, main)
    if answer.conflicting:
        found += faults.conflicts([source for file in wanted for source in file.sources])
        wanted = [setting_aside.set_aside(file, found) for file in files]
        answer = apt.read(wanted, main)
    if answer.refused:
        raise AptSourcesError(
            f"apt_sources_unreadable: apt cannot read its lists of package sources: {answer.said}. Nothing was changed."
            " Correct the line that it names, or put a # in front of it; `apt-get indextargets` shows whether apt can"
            " read them."
        )
    for file in wanted:
        for source in file.sources:
            found += _unfetched(file, source, apt)
    return Plan([setting_aside.set_aside(file, found) for file in files], found)


def restore(files: Sequence[SourceFile], paths: Sequence[str]) -> Plan:
    """All that was set aside, or what was in the lists named; never next to a source of ours with another key."""
    keys = {
        place: source.signed_by
        for file in files
        for source in file.sources
        if vendors.is_ours(source)
        for place in faults.places(source)
    }

    def clashes(file: SourceFile) -> bool:
        return any(
            keys.get(place, source.signed_by) != source.signed_by
            for source in file.sources
            for place in faults.places(source)
        )

    whole = [setting_aside.restored(file) if file.path in paths or not paths else file for file in files]
    return Plan([before if clashes(after) else after for before, after in zip(files, whole)], [])


def _unfetched(file: SourceFile, source: Source, apt: Apt) -> list[Fault]:
    vendor = vendors.vendor_of(source)
    if vendor is None or vendors.is_ours(source):
        return []
    answer = apt.fetch(file, source)
    if answer.said is None:
        return []
    # What this collection has a source of its own for. The driver, and an engine that is there, it has not.
    if vendor == vendors.TOOLKIT:
        return [faults.of_source(source, f"apt says: {answer.said}")]
    raise _unusable(source, answer.said)


def _unusable(source: Source, said: str) -> AptSourcesError:
    lines = f"{source.first + 1},{source.last + 1}s/^/# /"
    return AptSourcesError(
        f"apt_source_unusable: apt cannot update from {source.place} ({hidden(' '.join(source.uris))}): {said}. Nothing"
        " was changed. Mend it (a key that has been replaced, an address that is gone), wait for its server, or"
        " take it out of use:"
        f" sed -i {shlex.quote(lines)} {shlex.quote(source.path)}"
    )
