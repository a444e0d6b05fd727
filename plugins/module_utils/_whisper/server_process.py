# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process behind a server's URL, and what it wrote. Private to this collection."""

from __future__ import annotations

import os
from typing import NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.container import Container, connect, reached_at
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.ending import Ending
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError


class Request(NamedTuple):
    url: str
    audio: str
    expected_text: str | None = None
    # Of the audio; None leaves it to the server.
    language: str | None = None
    timeout_seconds: float = 600
    gpu: str | None = None
    container: str | None = None
    docker_host: str = "unix:///run/docker.sock"
    device_code: str | None = None
    # For a server outside of Docker.
    pid: int | None = None
    log: str | None = None
    interval_seconds: float = 0.05
    # How long the card is watched at work, where the first inference is over sooner.
    watch_seconds: float = 2.0


class Server(NamedTuple):
    """The process behind the URL and its words; None: not known."""

    pid: int | None = None
    log: str | None = None
    last_lines: str = ""
    container: Container | None = None
    problem: str | None = None
    # How the process ended the last time, which may be long ago.
    ending: Ending | None = None

    def ended_since(self, moment: float) -> Ending | None:
        """How it ended, if that was after a moment (in seconds since 1970) or if it does not run."""
        if self.container is None or not self.container.pid:
            return self.ending
        return self.ending if float(self.container.ended_before or 0) >= moment else None


def look_at_server(request: Request) -> Server:
    if request.container is None:
        log = None
        if request.log:
            with open(request.log, encoding="utf-8", errors="replace") as handle:
                log = handle.read()
        gone = request.pid is not None and not os.path.exists(f"/proc/{request.pid}")
        return Server(request.pid, log, log or "", ending=Ending(lines=(log or "").splitlines()) if gone else None)
    try:
        engine = connect(request.docker_host)
        container = engine.named(request.container)
        # Without a process it has no ports.
        if container.pid and not reached_at(container, request.url):
            return Server(problem=f"{request.url} does not lead to the container {container.name}.")
        last = engine.last_lines(container)
        log = engine.errors_since_start(container) if container.pid else None
        return Server(container.pid or None, log, last, container, ending=engine.ending(container))
    except InspectionError as error:
        return Server(problem=f"{error.problem.code}: {error.problem.message}")
