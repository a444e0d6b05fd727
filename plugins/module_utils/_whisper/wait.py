# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server until it is ready, or until waiting for it is in vain. Private to this collection."""

from __future__ import annotations

import http.client
import time
import urllib.parse
from typing import Callable

from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.diagnosis import cause, cause_of_end
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.facts import Facts
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.server_process import Server

# A second end says that the engine restarts the server in a loop; the first may have been an accident.
ENDS = 2
INTERVAL_SECONDS = 0.5
_ANSWER_SECONDS = 10


def healthy(url: str) -> bool:
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def until_ready(
    look: Callable[[], Server], ready: Callable[[], bool], seconds: float, interval: float = INTERVAL_SECONDS
) -> Server | None:
    """None once the server answers; otherwise the server as it was when there was no more to wait for."""
    deadline = time.monotonic() + seconds
    server = look()
    # Of one that runs, earlier ends are its past.
    before = server.container.restarts if server.container and server.container.pid else 0
    while not ready():
        server = look()
        container = server.container
        # Its container is gone, or ends for good or over and over.
        if container is None or not container.running or container.restarts - before >= ENDS:
            return server
        if time.monotonic() > deadline:
            return server if not container.pid or container.restarts > before else server._replace(ending=None)
        time.sleep(interval)
    return None


def why_not(server: Server, facts: Facts, seconds: float) -> Problem:
    if server.ending is not None:
        found = cause(facts) if facts.gpu else cause_of_end(facts)
        if found is not None:
            return found
    return Problem.documented(
        "server_failed",
        server.problem or f"The server did not become ready within {seconds:g} seconds, and has not ended.",
        "Read its last log lines. A large model on a slow disk needs a larger whisper_server_ready_seconds.",
    )
