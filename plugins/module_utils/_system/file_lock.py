# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's lock of an open file, awaited for only so long: whoever may open a file may keep it locked for ever."""

from __future__ import annotations

import fcntl
import time

# Nobody who locks these files does more meanwhile than to read and to write them.
LONGEST_WAIT_SECONDS = 30.0
_PAUSE_SECONDS = 0.02


class FileLockedError(Exception):
    """Its text begins with a problem code."""


def lock(handle: int, path: str, wait_seconds: float | None = None) -> None:
    """Lock the file for this process until the handle is closed.

    :param path: its name in the message.
    :raises FileLockedError: another process has had it locked for so long.
    """
    wait_seconds = LONGEST_WAIT_SECONDS if wait_seconds is None else wait_seconds
    end = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= end:
                raise FileLockedError(
                    f"file_locked: another process of this host has had {path} locked for {wait_seconds:.0f} s; a run"
                    f" locks it for a moment. Find the process (fuser --verbose {path}) and end it, then run again."
                    " Nothing was touched."
                ) from None
        time.sleep(_PAUSE_SECONDS)
