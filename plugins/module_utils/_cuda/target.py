# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A CUDA target in each of its spellings: ``6.1`` for drivers, ``61``, ``sm_61`` and ``61-real`` for compilers."""

from __future__ import annotations

import re
from typing import NamedTuple

from .versions import Version

_CAPABILITY = re.compile(r"([0-9]{1,2})\.([0-9])\Z")
# The last digit is the minor: 61 is 6.1, 121 is 12.1.
_CODE = re.compile(r"(?:sm_|compute_)?([0-9]{1,2})([0-9])([af]?)(?:-real|-virtual)?\Z")


class Target(NamedTuple):
    """A GPU's compute capability, or what device code was compiled for: ``6.1``, ``90a``, ``100f``."""

    major: int
    minor: int
    # a: this compute capability alone; f: its family.
    suffix: str = ""

    @classmethod
    def parse(cls, text: str) -> Target:
        """What device code is for: ``61``, ``90a``, ``sm_61``, ``compute_61``, ``61-real``; else ValueError."""
        match = _CODE.match(text)
        if not match:
            raise ValueError(f"{text!r} is not a code target such as 61, 90a or 100f")
        return cls(int(match.group(1)), int(match.group(2)), match.group(3))

    @classmethod
    def of_gpu(cls, compute_capability: str) -> Target:
        """What a GPU is: ``6.1``; else ValueError."""
        match = _CAPABILITY.match(compute_capability)
        if not match:
            raise ValueError(f"{compute_capability!r} is not a compute capability such as 6.1")
        return cls(int(match.group(1)), int(match.group(2)))

    @property
    def compute_capability(self) -> Version:
        """The key of the tables; as text ``6.1``."""
        return Version((self.major, self.minor))

    @property
    def real(self) -> str:
        """For CMAKE_CUDA_ARCHITECTURES: SASS alone, no PTX."""
        return f"{self}-real"

    def __str__(self) -> str:
        return f"{self.major}{self.minor}{self.suffix}"
