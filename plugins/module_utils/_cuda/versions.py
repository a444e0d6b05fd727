# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Version numbers of drivers, CUDA toolkits, PTX ISAs and tools, as the field writes them."""

from __future__ import annotations

import re
from typing import Tuple

_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)*\Z")
_LEADING = re.compile(r"[0-9]+(?:\.[0-9]+)*")
# A driver version has two or three groups: 470.256, 550.163.01. 35.3.1 is a release of Linux for Tegra.
_DRIVER = re.compile(r"(?<![\d.])(\d{3,4}(?:\.\d{1,4}){1,2})(?![\d.])", re.ASCII)

# As tables write a version down: 12.4 is (12, 4). A Version equals it.
Numbers = Tuple[int, ...]


class Version(Numbers):
    """A version number. Versions are compared number by number; as text a version has its dots again."""

    @classmethod
    def parse(cls, text: str) -> Version:
        """``550.163.01`` and ``12.4``; ValueError for anything that is not digits and dots."""
        if not _VERSION.match(text):
            raise ValueError(f"{text!r} is not a version number such as 550.163.01 or 12.4")
        return cls(int(part) for part in text.split("."))

    @classmethod
    def leading(cls, text: str) -> Version:
        """The numbers that a text begins with, none of them for any text: ``1.20.0-rc.1`` is as old as ``1.20.0``."""
        found = _LEADING.match(text)
        return cls(int(part) for part in found.group().split(".")) if found else cls()

    @property
    def minor(self) -> Version:
        """Major and minor: of a CUDA version, what drivers report, and what fixes the PTX ISA."""
        return Version((*self, 0)[:2])

    def __str__(self) -> str:
        return ".".join(str(part) for part in self)


def driver_version_in(text: str) -> str | None:
    """The first driver version that a text mentions."""
    found = _DRIVER.search(text)
    return found.group(1) if found else None
