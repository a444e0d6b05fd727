# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server-sent events of OpenAI's form: each part of the audio when its text is there, then the whole text."""

from __future__ import annotations

import json
import logging
from typing import Any, AsyncIterator

from aiohttp import web

from . import answers
from .parameters import Parameters
from .refusal import RefusalError

LOG = logging.getLogger("whisper_api")
HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}


async def stream(
    request: web.Request, transcripts: AsyncIterator[answers.Transcript], wanted: Parameters, headers: dict[str, str]
) -> web.StreamResponse:
    """Nothing is sent before the first text is there, so that what fails until then has its status."""
    response: web.StreamResponse | None = None
    text, segments = "", 0
    try:
        async for transcript in transcripts:
            if response is None:
                response = web.StreamResponse(headers={**HEADERS, **headers})
                await response.prepare(request)
            delta = transcript.text if text else transcript.text.lstrip()
            text += delta
            timed = answers.timed(transcript, wanted, segments)
            segments += len(transcript.segments)
            await _send(response, {"type": "transcript.text.delta", "delta": delta, **timed})
        assert response is not None, "there is a part at least"
        await _send(response, {"type": "transcript.text.done", "text": text.strip()})
    except ConnectionError:
        if response is None:
            raise
    except RefusalError as refusal:
        if response is None:
            raise
        await _fail(response, refusal)
    except Exception:
        if response is None:
            raise
        LOG.exception("a stream failed")
        await _fail(response, RefusalError(500, "internal_error", "The service failed. Its log says how."))
    return response


async def _send(response: web.StreamResponse, event: dict[str, Any]) -> None:
    await response.write(f"data: {json.dumps(event)}\n\n".encode())


async def _fail(response: web.StreamResponse, refusal: RefusalError) -> None:
    """OpenAI's clients raise what has the key `error`."""
    try:
        await response.write(f"data: {refusal.body}\n\n".encode())
    except ConnectionError:
        LOG.info("a client went away before it could be told of an error")
