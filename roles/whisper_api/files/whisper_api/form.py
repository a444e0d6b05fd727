# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The multipart form of a request, taken in without trusting it: the audio goes to a file that has no name."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from typing import IO, Any, NamedTuple

import aiohttp
from aiohttp import web

from .refusal import RefusalError, invalid
from .settings import MIB, Settings

MOST_FIELDS = 64
LONGEST_FIELD = 64 * 1024
# Boundaries and the headers of the parts; a header has no end otherwise.
MOST_BYTES_OF_LINES = 256 * 1024
PIECE = 256 * 1024
PLAIN_ENCODINGS = ("", "7bit", "8bit", "binary")


class Form(NamedTuple):
    audio: IO[bytes]
    fields: list[tuple[str, str]]


class _Bounded:
    """The body, as far as it may go."""

    def __init__(self, body: aiohttp.StreamReader, limit: int) -> None:
        self._body = body
        self._limit = limit
        self._bytes = 0
        self._bytes_of_lines = 0

    async def read(self, size: int = -1) -> bytes:
        return self._counted(await self._body.read(size))

    async def readline(self, **options: Any) -> bytes:
        line = self._counted(await self._body.readline(**options))
        self._bytes_of_lines += len(line)
        if self._bytes_of_lines > MOST_BYTES_OF_LINES:
            raise malformed("its parts have too many headers")
        return line

    def at_eof(self) -> bool:
        return self._body.at_eof()

    def unread_data(self, data: bytes) -> None:
        self._bytes -= len(data)
        with warnings.catch_warnings():
            # aiohttp's own reader of forms uses it.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._body.unread_data(data)

    def _counted(self, data: bytes) -> bytes:
        self._bytes += len(data)
        if self._bytes > self._limit:
            raise too_large(self._limit)
        return data


def too_large(limit: int) -> RefusalError:
    return RefusalError(413, "upload_too_large", f"The request is larger than {limit // MIB} MiB. Compress the audio.")


def malformed(why: str) -> RefusalError:
    return invalid("bad_request", f"The body is no multipart/form-data: {why}.")


async def receive(request: web.Request, settings: Settings) -> Form:
    """The caller closes the audio, with which it is gone."""
    if request.content_type != "multipart/form-data":
        raise malformed(f"its Content-Type is {request.content_type[:100]}")
    if (request.content_length or 0) > settings.upload_limit:
        raise too_large(settings.upload_limit)
    body: Any = _Bounded(request.content, settings.upload_limit)
    with contextlib.ExitStack() as opened:
        audio: IO[bytes] | None = None
        fields: list[tuple[str, str]] = []
        try:
            reader = aiohttp.MultipartReader(request.headers, body)
            while True:
                part = await reader.next()
                if part is None:
                    break
                name = _name(part)
                if name != "file":
                    fields.append((name, await _text(part, name)))
                elif audio is None:
                    audio = opened.enter_context(tempfile.TemporaryFile(dir=settings.spool_dir))
                    await _spool(part, audio)
                else:
                    raise invalid(
                        "repeated_parameter", "There is more than one file. Send one in each request.", "file"
                    )
                if len(fields) > MOST_FIELDS:
                    raise malformed(f"it has more than {MOST_FIELDS} fields")
        except (RefusalError, OSError):
            # A client that goes away is an OSError too.
            raise
        except Exception as error:
            # aiohttp says with errors of many kinds, which its releases change, that a form is none.
            raise malformed(f"{type(error).__name__}, {str(error)[:200]}") from error
        if audio is None:
            raise invalid("missing_parameter", "There is no file. Send the audio in the field file.", "file")
        if audio.seek(0, 2) == 0:
            raise invalid("audio_empty", "The file is empty.", "file")
        opened.pop_all()
    return Form(audio, fields)


def _name(part: Any) -> str:
    if isinstance(part, aiohttp.MultipartReader) or not part.name:
        raise malformed("a part has no name, or parts of its own")
    if part.headers.get("Content-Transfer-Encoding", "").lower() not in PLAIN_ENCODINGS:
        raise malformed(f"part {part.name[:100]!r} is encoded")
    return str(part.name)


async def _text(part: Any, name: str) -> str:
    value = b""
    while not part.at_eof():
        value += await part.read_chunk()
        if len(value) > LONGEST_FIELD:
            raise invalid("invalid_value", f"{name[:100]} is longer than {LONGEST_FIELD} bytes.", name[:100])
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise invalid("invalid_value", f"{name[:100]} is no text in UTF-8.", name[:100]) from None


async def _spool(part: Any, file: IO[bytes]) -> None:
    while not part.at_eof():
        file.write(await part.read_chunk(PIECE))
