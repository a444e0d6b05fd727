# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a file that cannot be read to its end."""

from __future__ import annotations


class DamagedFileError(Exception):
    """A file that contradicts itself. Raised inside this package only; what leaves it is a Problem."""

    def __init__(self, code: str, seen: str) -> None:
        super().__init__(seen)
        self.code = code
        self.seen = seen
