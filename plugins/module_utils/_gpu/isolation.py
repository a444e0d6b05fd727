# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A call in a process of its own: a driver's library can hang for ever on a lost GPU, and crash (under WSL it does)."""

from __future__ import annotations

import os
import pickle
import select
import signal
import time
from typing import Any, Callable

SECONDS = 60.0
_CHUNK = 65536


class IsolatedCallError(Exception):
    """The call did not come back; the text says how it ended."""


def call_isolated(function: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """What the function returns, which must be plain data."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(function, writing)
    os.close(writing)
    try:
        answer = _read(reading, time.monotonic() + seconds)
    finally:
        os.close(reading)
    if answer is None:
        # Not waited for: a process that hangs in the kernel does not even die of this.
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, os.WNOHANG)
        raise IsolatedCallError(f"no answer within {seconds:g} seconds")
    _pid, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        raise IsolatedCallError(f"it was killed by {signal_name(os.WTERMSIG(status))}")
    if not answer:
        raise IsolatedCallError("it ended without an answer")
    return pickle.loads(answer)


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _answer(function: Callable[[], Any], writing: int) -> None:
    """In the child, which must never return into the caller's program."""
    try:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(pickle.dumps(function()))
    finally:
        os._exit(0)


def _read(reading: int, end: float) -> bytes | None:
    """All until the other side is closed; None where that did not happen in time."""
    parts: list[bytes] = []
    while True:
        ready = select.select([reading], [], [], max(0.0, end - time.monotonic()))
        if not ready[0]:
            return None
        part = os.read(reading, _CHUNK)
        if not part:
            return b"".join(parts)
        parts.append(part)
