# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of Ansible at a time on a host.

Of two runs that replace the same server, each would take the other's for the previous one.

The file is in /run, so no lock outlives a restart of the host. It is emptied and never removed: a process that waits
for it would otherwise wait for a file that nobody else opens any more. Only its owner may open it: whoever can read a
file can keep it locked.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import IO, Any, Iterator, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._system import file_lock

Run = Mapping[str, Any]
# Of a file that anybody may have edited.
_LARGEST = 4096


class HostLock:
    def __init__(self, path: str) -> None:
        self.path = path

    def acquire(self, run: Run, stale_seconds: float, ended: Run | None = None) -> dict[str, Any] | None:
        """None where the run has the lock now, otherwise the run that has it.

        A lock is taken over from the run itself, from the run that the controller knows to have ended (``ended``, as
        an earlier call returned it), and from any run after ``stale_seconds``.
        """
        with self._file() as file:
            holder = _holder(file)
            age_seconds = time.time() - os.fstat(file.fileno()).st_mtime
            if holder is not None and not (_same(holder, run) or holder == ended or age_seconds > stale_seconds):
                return holder
            _write(file, json.dumps(run, sort_keys=True) + "\n")
            return None

    def release(self, run: Run) -> bool:
        """Whether the run had the lock. That of another run is left alone."""
        with self._file() as file:
            holder = _holder(file)
            if holder is None or not _same(holder, run):
                return False
            _write(file, "")
            return True

    @contextlib.contextmanager
    def _file(self) -> Iterator[IO[str]]:
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(handle, "r+", encoding="utf-8", errors="replace") as file:
            file_lock.lock(handle, self.path)
            yield file


def _holder(file: IO[str]) -> dict[str, Any] | None:
    text = file.read(_LARGEST).strip()
    if not text:
        return None
    try:
        run = json.loads(text)
    except (ValueError, RecursionError):
        run = None
    # Somebody has written something else into the file: it counts as a run until it is stale.
    return run if isinstance(run, dict) else {"content": text}


def _same(holder: Run, run: Run) -> bool:
    return {**holder, "since": None} == {**run, "since": None}


def _write(file: IO[str], text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()
