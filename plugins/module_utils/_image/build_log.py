# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `docker build --progress=plain` writes: how far it is, and why it failed."""

from __future__ import annotations

import re
from typing import NamedTuple, Sequence

from .problems import Problem

# `#12 34.56 text` is what a step says, and `34.56 text` the same once more at the end of a log that ends badly;
# `#12 [build 4/4] RUN ...` is the step itself.
_PREFIX = re.compile(r"^(?:#\d+ )?(?:\d+\.\d+ )?")
_STAGE = re.compile(r"^#\d+ \[(.+?) +\d+/\d+\] ([A-Z]+ .*)")
_NINJA = re.compile(r"^#\d+ \d+\.\d+ \[(\d+)/(\d+)\] (.*)")
_OBJECT = re.compile(r"^Building (\w+) object \S*?([^/\s]+?)\.o$")
# What the Dockerfile itself says is wrong.
_VERDICT = "WHISPEROPS "
_ERROR = re.compile(r"error:|CMake Error|fatal\s*:|^E: |undefined reference")
ERRORS_SHOWN = 8
LINES_SHOWN = 10
REMEDY = "The log has the rest."


class Progress(NamedTuple):
    """Of the compiler's steps; both are 0 before the first one."""

    step: int
    steps: int
    doing: str


def progress(lines: Sequence[str]) -> Progress:
    """From the newest line that tells; after the compiler's last step the image is packed, which counts no steps."""
    for line in reversed(lines):
        compiled = _NINJA.match(line)
        if compiled:
            step, steps, doing = compiled.groups()
            named = _OBJECT.match(doing)
            return Progress(int(step), int(steps), f"{named.group(1)} {named.group(2)}" if named else doing)
        stage = _STAGE.match(line)
        if stage:
            return Progress(0, 0, " ".join(stage.groups())[:100])
    return Progress(0, 0, "starting")


def failure(lines: Sequence[str]) -> Problem:
    """The Dockerfile's own verdict, else the first words of the compiler, CMake or apt, else the last lines."""
    said = [_PREFIX.sub("", line).rstrip() for line in lines]
    for line in said:
        if line.startswith(_VERDICT):
            code, _colon, seen = line[len(_VERDICT) :].partition(": ")
            return Problem(code, seen, REMEDY)
    errors = list(dict.fromkeys(line for line in said if _ERROR.search(line)))
    return Problem("build_failed", "\n".join(errors[:ERRORS_SHOWN] or said[-LINES_SHOWN:]), REMEDY)
