# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Version numbers as the field writes them: drivers, CUDA, compute capabilities, code targets."""

from __future__ import annotations

import re
from typing import NamedTuple, Tuple

Version = Tuple[int, ...]

_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*\Z")
_TARGET = re.compile(r"(?:sm_|compute_)?([0-9]{2,3})([af]?)\Z")


def parse_version(text: str) -> Version:
    """``550.163.01`` and ``12.4`` as comparable numbers; ValueError for anything else."""
    if not _VERSION.match(text):
        raise ValueError(f"{text!r} is not a version number such as 550.163.01 or 12.4")
    return tuple(int(part) for part in text.split("."))


def cuda_minor(version: Version) -> Version:
    """The major.minor of a CUDA version: what drivers report, and what fixes the PTX ISA."""
    return (*version, 0)[:2]


def dotted(version: Version) -> str:
    return ".".join(str(part) for part in version)


class Target(NamedTuple):
    """What device code was compiled for: ``61``, ``90a`` or ``100f``."""

    major: int
    minor: int
    suffix: str = ""

    @property
    def compute_capability(self) -> Version:
        return (self.major, self.minor)

    def __str__(self) -> str:
        return f"{self.major}{self.minor}{self.suffix}"


def parse_target(text: str) -> Target:
    """The last digit is the minor: ``61`` is 6.1, ``121`` is 12.1."""
    match = _TARGET.match(text)
    if not match:
        raise ValueError(f"{text!r} is not a code target such as 61, 90a or 100f")
    number = int(match.group(1))
    return Target(number // 10, number % 10, match.group(2))
