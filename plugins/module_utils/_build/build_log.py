# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `docker build --progress=plain` writes: how far it is, and why it failed."""

from __future__ import annotations

import itertools
import re
from typing import NamedTuple, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem

# `#12 34.56 text` is what a step says, and `34.56 text` the same once more at the end of a log that ends badly;
# `#12 [build 4/4] RUN ...` is the step itself.
_PREFIX = re.compile(r"^(?:#\d+ )?(?:\d+\.\d+ )?")
_STAGE = re.compile(r"^#\d+ \[(.+?) +\d+/\d+\] ([A-Z]+ .*)")
_NINJA = re.compile(r"^#\d+ \d+\.\d+ \[(\d+)/(\d+)\] (.*)")
_OBJECT = re.compile(r"^Building (\w+) object \S*?([^/\s]+?)\.o$")
# What the Dockerfile itself says is wrong.
_VERDICT = "WHISPEROPS "
# What a program that the Dockerfile judges said before: git, curl, tar.
_BEFORE_VERDICT = re.compile(r"(?:fatal|error|curl|tar): ")
_ERROR = re.compile(
    r"error\s*:|CMake Error|fatal\s*:|^E: |^W: Failed to fetch|undefined reference|\bcannot find -l"
    r"|exec format error|No rule to make target|died due to signal|died with status"
)
# CMake's words stand below, indented and with empty lines between.
_CMAKE_MESSAGE = re.compile(r"CMake Error.*(?:\(message\)|\([\w]+\)):?$|CMake Error:$")
_DISK_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
# The kernel's OOM killer, as nvcc, gcc, collect2, the shell, ninja and Docker tell of it, and allocations that failed.
_NO_MEMORY = re.compile(
    r"died due to signal 9\b|Killed signal terminated program|internal compiler error: Killed"
    r"|terminated with signal 9\b|^Killed$|line \d+: +\d+ Killed |FAILED: \[code=137\]|exit code: 137\b"
    r"|virtual memory exhausted|out of memory allocating|Cannot allocate memory|std::bad_alloc"
    r"|LLVM ERROR: out of memory"
)
_KILLED = 137
# Docker's own: which step it was, and a piece of the Dockerfile.
_DRESSING = re.compile(r"-{4,}$| > \[|Dockerfile:\d+$|\s*\d+ \| ")
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


def failure(lines: Sequence[str], exit_code: int | None = None) -> Problem:
    """What ran out, or the Dockerfile's own verdict, or what compiler, CMake or apt said first, or the last lines."""
    said = [_PREFIX.sub("", line).rstrip() for line in lines]
    full = _told(said, _DISK_FULL)
    if full:
        return Problem("disk_full", "\n".join(full), "Free disk space, or move the engine's data-root.")
    killed = _told(said, _NO_MEMORY)
    if not killed and exit_code == _KILLED:
        killed = [f"docker build was killed (exit code {exit_code})"]
    if killed:
        remedy = (
            "The host's memory does not suffice for so many compilers at once. Set whisper_image_build_jobs to fewer"
            " (by default one for each processor that has the memory), at last to 1, or let another host build. What"
            " was compiled is kept."
        )
        return Problem("build_out_of_memory", "\n".join(killed), remedy)
    for line in said:
        if line.startswith(_VERDICT):
            code, _colon, seen = line[len(_VERDICT) :].partition(": ")
            why = [before for before in _told(said, _BEFORE_VERDICT) if _BEFORE_VERDICT.match(before)]
            return Problem(code, "\n".join([seen, *why]), REMEDY)
    errors = _told(said, _ERROR)
    shown = errors or list(dict.fromkeys(line for line in said if not _DRESSING.match(line)))[-LINES_SHOWN:]
    return Problem("build_failed", "\n".join(shown), REMEDY)


def _told(said: Sequence[str], pattern: re.Pattern[str]) -> list[str]:
    """The lines that a pattern is in, each once, with what CMake says below its own."""
    found: list[str] = []
    for number, line in enumerate(said):
        if pattern.search(line):
            below = _indented(said[number + 1 :]) if _CMAKE_MESSAGE.search(line) else []
            found.append("\n".join([line, *below]))
    return list(dict.fromkeys(found))[:ERRORS_SHOWN]


def _indented(following: Sequence[str]) -> list[str]:
    """Up to the first line that is neither indented nor empty."""
    block = list(itertools.takewhile(lambda line: not line or line.startswith(" "), following))
    return [line for line in block if line]
