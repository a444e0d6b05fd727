# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions of whisper.cpp that a plan should not take without a word, as data."""

from __future__ import annotations

import re
from typing import NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import Version

_RELEASE = re.compile(r"v?([0-9]+(?:\.[0-9]+)+)\Z")


class Fault(NamedTuple):
    first: Version  # the first release that has it
    repaired: Version  # the first release that has it no more
    text: str
    source: str

    def in_version(self, version: Version) -> bool:
        return self.first <= version < self.repaired


FAULTS: tuple[Fault, ...] = (
    Fault(
        Version((1, 8, 4)),
        Version((1, 9, 4)),
        "its server breaks every answer into lines of about 60 characters, in the middle of words",
        # Came with #3679, repaired by 81a3fadf6 (#3990).
        "https://github.com/ggml-org/whisper.cpp/issues/3968",
    ),
)


def warnings_about(what: str, version: str | None) -> tuple[str, ...]:
    """``what`` is built from this version. Of a version that is unknown, or is no release, nothing is said."""
    release = _RELEASE.match(version or "")
    if release is None:
        return ()
    return tuple(
        f"{what} holds whisper.cpp {release.group(1)}: {fault.text} ({fault.source}). Take {fault.repaired} or newer."
        for fault in FAULTS
        if fault.in_version(Version.parse(release.group(1)))
    )
