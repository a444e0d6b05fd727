# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the reading of one file, or of a whole tree, may cost.

A file can be made so that a megabyte of it takes hours to read. Every loop over what a file says spends from its
budget; what is collected on the way is bounded by the same number.
"""

from __future__ import annotations

import time
from typing import Callable

from .problems import DamagedFileError

# The largest libraries known hold some thousands of entries, and are read in a tenth of a second.
_STEPS_OF_FILE = 200_000
_STEPS_OF_TREE = 1_000_000
# A slow disk may take its time.
_SECONDS_OF_FILE = 60.0


class Budget:
    """Steps are headers, names or lines, whatever a loop goes over."""

    def __init__(
        self,
        steps: int = _STEPS_OF_FILE,
        seconds: float = _SECONDS_OF_FILE,
        tree: TreeBudget | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steps = steps
        self._left = steps
        self._seconds = seconds
        self._clock = clock
        self._deadline = clock() + seconds
        self._tree = tree

    def spend(self, steps: int = 1) -> None:
        """DamagedFileError where nothing is left."""
        self._left -= steps
        if self._left < 0:
            raise DamagedFileError("inspection_limit", f"more than {self._steps} headers, names or lines to read")
        if self._clock() > self._deadline:
            raise DamagedFileError("inspection_limit", f"not read after {self._seconds:.0f} seconds")
        if self._tree is not None:
            self._tree.spend(steps)


class TreeBudget:
    """What all files of an image or a directory may cost together."""

    def __init__(self, steps: int = _STEPS_OF_TREE) -> None:
        self._steps = steps
        self._left = steps

    def of_file(self) -> Budget:
        return Budget(tree=self)

    def spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise DamagedFileError("inspection_limit", f"more than {self._steps} headers in all files together")
