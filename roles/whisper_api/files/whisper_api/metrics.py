# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Prometheus can ask of the service, at an address of its own, which no client and no gateway reaches."""

from __future__ import annotations

import collections
import contextlib
import time
from typing import Any, Callable, Iterator

from aiohttp import web

METRICS = {
    "whisper_api_servers": ("gauge", "Servers that can take a request."),
    "whisper_api_requests": ("gauge", "Requests that are received, decoded, wait or run."),
    "whisper_api_waiting": ("gauge", "Requests, or parts of long audio, that wait for a server."),
    "whisper_api_waiting_seconds": ("gauge", "How long the one that waits longest has waited."),
    "whisper_api_waited_seconds_total": ("counter", "How long all have waited that wait no longer."),
    "whisper_api_answers_total": ("counter", "Answers to requests for text, by status. 499: the client went away."),
}


class Metrics:
    def __init__(self) -> None:
        self._answers: collections.Counter[int] = collections.Counter()
        self._since: dict[object, float] = {}
        self._waited = 0.0

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """While one waits for a server."""
        one = object()
        self._since[one] = time.monotonic()
        try:
            yield
        finally:
            self._waited += time.monotonic() - self._since.pop(one)

    def answered(self, status: int) -> None:
        self._answers[status] += 1

    def text(self, servers: int, requests: int) -> str:
        longest = time.monotonic() - min(self._since.values(), default=time.monotonic())
        values: dict[str, Any] = {
            "whisper_api_servers": servers,
            "whisper_api_requests": requests,
            "whisper_api_waiting": len(self._since),
            "whisper_api_waiting_seconds": round(max(0.0, longest), 3),
            "whisper_api_waited_seconds_total": round(self._waited, 3),
        }
        lines = []
        for name, (kind, meaning) in METRICS.items():
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
            if name in values:
                lines.append(f"{name} {values[name]}")
        lines += [
            f'whisper_api_answers_total{{status="{code}"}} {count}' for code, count in sorted(self._answers.items())
        ]
        return "\n".join([*lines, ""])


@contextlib.asynccontextmanager
async def exposed(text: Callable[[], str], address: str, port: int) -> Any:
    """At /metrics, until the end of the block."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app = web.Application()
    app.router.add_get("/metrics", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port).start()
        yield
    finally:
        await runner.cleanup()
