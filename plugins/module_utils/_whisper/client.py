# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One transcription, as any client of the server would ask for it. Private to this collection."""

from __future__ import annotations

import http.client
import json
import time
import urllib.parse
import uuid
import wave
from typing import NamedTuple


class TranscriptionError(Exception):
    """The server gave no transcript; the message says what it gave instead."""


class Transcription(NamedTuple):
    answer: str  # as the server wrote it, with its line ends
    seconds: float

    @property
    def text(self) -> str:
        """The transcript on one line."""
        return " ".join(self.answer.split())


def audio_seconds(path: str) -> float | None:
    """Length of a WAV file in seconds; None for a format that the standard library cannot read."""
    try:
        with wave.open(path, "rb") as audio:
            return audio.getnframes() / audio.getframerate()
    except (wave.Error, EOFError, ZeroDivisionError):
        return None


def transcribe(url: str, audio: bytes, timeout_seconds: float) -> Transcription:
    """Post ``audio`` to the inference path of a server. The seconds are those from the request to the whole answer."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise TranscriptionError(f"{url} is not the http:// URL of a whisper.cpp server")
    content_type, body = _form(audio)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_seconds)
    started = time.monotonic()
    try:
        connection.request("POST", parts.path or "/", body, {"Content-Type": content_type})
        response = connection.getresponse()
        answer = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise TranscriptionError(f"{url} gave no answer: {error or type(error).__name__}") from error
    finally:
        connection.close()
    seconds = time.monotonic() - started
    if response.status != http.client.OK:
        raise TranscriptionError(f"{url} answered with status {response.status}: {_excerpt(answer)}")
    return Transcription(_text(url, answer), seconds)


def _form(audio: bytes) -> tuple[str, bytes]:
    boundary = uuid.uuid4().hex
    fields = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="response_format"\r\n\r\njson\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="temperature"\r\n\r\n0\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="speech"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return f"multipart/form-data; boundary={boundary}", fields.encode() + audio + f"\r\n--{boundary}--\r\n".encode()


def _text(url: str, answer: bytes) -> str:
    try:
        text = json.loads(answer)["text"]
    except (ValueError, KeyError, TypeError) as error:
        seen = _excerpt(answer)
        raise TranscriptionError(f"{url} answered with something other than a transcript: {seen}") from error
    return str(text)


def _excerpt(answer: bytes) -> str:
    return answer[:200].decode("utf-8", "replace").strip() or "(nothing)"
