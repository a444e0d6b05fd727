# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One transcription, as any client of the server would ask for it. Private to this collection."""

from __future__ import annotations

import http.client
import json
import socket
import time
import urllib.parse
import uuid
import wave
from typing import Any, Mapping, NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.activation import USER_AGENT

# The words of some days of speech. An answer beyond it is none of a transcription.
LARGEST_ANSWER = 4 * 1024 * 1024


class TranscriptionError(Exception):
    """The server gave no transcript; the message says what it gave instead."""


class Transcription(NamedTuple):
    answer: str  # as the server wrote it, with its line ends
    seconds: float

    @property
    def text(self) -> str:
        """The transcript on one line."""
        return " ".join(self.answer.split())

    @property
    def joined(self) -> str:
        """The same of a server that was told where lines end, also within words. Words bring their own spaces."""
        return " ".join(self.answer.replace("\n", "").split())


def audio_seconds(path: str) -> float | None:
    """Length of a WAV file in seconds; None for a format that the standard library cannot read."""
    try:
        with wave.open(path, "rb") as audio:
            return audio.getnframes() / audio.getframerate()
    except (wave.Error, EOFError, ZeroDivisionError):
        return None


class _DeadlineSocket(socket.socket):
    """Each wait is for what is left of one time: a server that sends a byte now and then does not prolong it."""

    deadline = 0.0

    def _wait_no_longer(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        self.settimeout(left)

    def sendall(self, *arguments: Any) -> None:
        self._wait_no_longer()
        super().sendall(*arguments)

    def recv_into(self, *arguments: Any) -> int:
        self._wait_no_longer()
        return super().recv_into(*arguments)


class _Connection(http.client.HTTPConnection):
    def __init__(self, host: str, port: int | None, seconds: float) -> None:
        super().__init__(host, port, timeout=seconds)
        self._deadline = time.monotonic() + seconds

    def connect(self) -> None:
        super().connect()
        plain = self.sock
        bounded = _DeadlineSocket(plain.family, plain.type, plain.proto, plain.detach())
        bounded.deadline = self._deadline
        self.sock = bounded


def transcribe(
    url: str, audio: bytes, timeout_seconds: float, fields: Mapping[str, str] | None = None
) -> Transcription:
    """Post ``audio`` to the inference path of a server. The seconds are those from the request to the whole answer.

    ``fields`` say otherwise than the server was started with, for this request.

    It ends after ``timeout_seconds``, whatever the server does, and takes in LARGEST_ANSWER at most.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise TranscriptionError(f"{url} is not the http:// URL of a whisper.cpp server")
    content_type, body = _form(audio, {"response_format": "json", "temperature": "0", **(fields or {})})
    connection = _Connection(parts.hostname, parts.port, timeout_seconds)
    started = time.monotonic()
    try:
        headers = {"Content-Type": content_type, "User-Agent": USER_AGENT}
        connection.request("POST", parts.path or "/", body, headers)
        response = connection.getresponse()
        answer = response.read(LARGEST_ANSWER + 1)
    except (OSError, http.client.HTTPException) as error:
        raise TranscriptionError(f"{url} gave no answer: {error or type(error).__name__}") from error
    finally:
        connection.close()
    seconds = time.monotonic() - started
    if response.status != http.client.OK:
        raise TranscriptionError(f"{url} answered with status {response.status}: {_excerpt(answer)}")
    if len(answer) > LARGEST_ANSWER:
        raise TranscriptionError(f"{url} answered with more than {LARGEST_ANSWER} bytes: {_excerpt(answer)}")
    return Transcription(_text(url, answer), seconds)


def _form(audio: bytes, fields: Mapping[str, str]) -> tuple[str, bytes]:
    boundary = uuid.uuid4().hex
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head += (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="speech"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return f"multipart/form-data; boundary={boundary}", head.encode() + audio + f"\r\n--{boundary}--\r\n".encode()


def _text(url: str, answer: bytes) -> str:
    try:
        text = json.loads(answer)["text"]
    except (ValueError, KeyError, TypeError, RecursionError):
        text = None
    if not isinstance(text, str):
        raise TranscriptionError(f"{url} answered with something other than a transcript: {_excerpt(answer)}")
    # JSON can say halves of characters, which no text can hold.
    return text.encode("utf-8", "replace").decode("utf-8")


def _excerpt(answer: bytes) -> str:
    """One line that a log or a terminal can show, whatever the server sent."""
    words = " ".join(answer[:200].decode("utf-8", "replace").split())
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in words) or (
        "(nothing)"
    )
