# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set lines of apt's lists aside: a mark in front makes each a comment, and can be taken away again, byte for byte."""

from __future__ import annotations

from typing import Iterable

from ansible_collections.whisperops.gpu.plugins.module_utils._apt.faults import Fault
from ansible_collections.whisperops.gpu.plugins.module_utils._apt.sources import SourceFile

MARK = "#whisperops.gpu: "


def set_aside(file: SourceFile, faults: Iterable[Fault]) -> SourceFile:
    lines = list(file.lines)
    for fault in faults:
        if fault.path == file.path:
            for number in range(fault.first, fault.last + 1):
                lines[number] = MARK + file.lines[number]
    return file._replace(lines=tuple(lines))


def restored(file: SourceFile) -> SourceFile:
    return file._replace(lines=tuple(line[len(MARK) :] if line.startswith(MARK) else line for line in file.lines))
