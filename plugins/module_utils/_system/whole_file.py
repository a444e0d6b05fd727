# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replace a whole file and keep its owner, mode and SELinux label; nothing is left next to it where that fails."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from typing import IO

_NEW_MODE = 0o644
_LABEL = "security.selinux"


def replace(path: str, content: bytes) -> None:
    """In one step. A file that is itself a mount point cannot be renamed over, so its content is overwritten."""
    directory, name = os.path.split(path)
    os.makedirs(directory, mode=0o755, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=f".{name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            _fill(stream, content)
        dress(temporary, path)
        os.replace(temporary, path)
    except OSError as error:
        os.unlink(temporary)
        if error.errno != errno.EBUSY:
            raise
        _overwrite(path, content)


def dress(path: str, like: str) -> None:
    """The owner, mode and label of another file, or those of a new one where the other does not exist."""
    try:
        seen = os.stat(like)
    except FileNotFoundError:
        os.chmod(path, _NEW_MODE)
        return
    os.chown(path, seen.st_uid, seen.st_gid)
    os.chmod(path, seen.st_mode & 0o7777)
    # Not every system has labels, and not every file system keeps them.
    with contextlib.suppress(OSError, AttributeError):
        os.setxattr(path, _LABEL, os.getxattr(like, _LABEL))


def _overwrite(path: str, content: bytes) -> None:
    with open(path, "r+b") as stream:
        before = stream.read()
        try:
            _fill(stream, content)
        except OSError:
            # A disk that is full still has the room that the earlier content took.
            with contextlib.suppress(OSError):
                _fill(stream, before)
            raise


def _fill(stream: IO[bytes], content: bytes) -> None:
    stream.seek(0)
    stream.write(content)
    stream.flush()
    stream.truncate()
    os.fsync(stream.fileno())
