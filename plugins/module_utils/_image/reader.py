# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random access to a file by position.

Positioned reads rather than a memory map: a map of a file that somebody truncates meanwhile ends the whole process with
SIGBUS, and hopping from header to header touches so few bytes that a map would not be faster.
"""

from __future__ import annotations

import os
from typing import Protocol

from .problems import DamagedFileError


class Reader(Protocol):
    @property
    def size(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes from ``offset``, or DamagedFileError."""


def _beyond_end(offset: int, length: int, size: int) -> DamagedFileError:
    return DamagedFileError("truncated", f"needs bytes {offset} to {offset + length}, but the file ends at {size}")


class BytesReader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = len(content)

    def read(self, offset: int, length: int) -> bytes:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise _beyond_end(offset, length, self.size)
        return self._content[offset : offset + length]


class FileReader:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    def read(self, offset: int, length: int) -> bytes:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise _beyond_end(offset, length, self.size)
        content = os.pread(self._descriptor, length, offset)
        if len(content) != length:
            raise _beyond_end(offset, length, offset + len(content))
        return content
