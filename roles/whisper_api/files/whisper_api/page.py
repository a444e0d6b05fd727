# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page to try the servers with. It is static, and asks for nothing but itself and the API."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Awaitable, Callable

from aiohttp import web

from .languages import NAMES

DIRECTORY = Path(__file__).parent / "page"
KINDS = {"index.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; media-src blob:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "microphone=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def add(app: web.Application) -> None:
    for name, kind in KINDS.items():
        content = (DIRECTORY / name).read_text(encoding="utf-8").replace("<!-- languages -->", _languages())
        app.router.add_get("/" if name == "index.html" else f"/{name}", _answering(content, kind))


def _answering(content: str, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=content, content_type=kind, headers=HEADERS)

    return answer


def _languages() -> str:
    names = sorted((name.capitalize(), code) for code, name in NAMES.items())
    return "".join(f'<option value="{html.escape(code)}">{html.escape(name)}</option>' for name, code in names)
