# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file is, by its first bytes and not by its name, and what becomes of it: 16 kHz, mono, 16 bits.

The decoding itself is done elsewhere: a socket of systemd's starts the program decode.py for each file, in a unit of
its own without network, whose end takes everything with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import struct
import tempfile
import wave
from typing import IO, NamedTuple

from .refusal import RefusalError, invalid
from .settings import Settings

RATE = 16_000
SAMPLE_BYTES = 2
BYTES_A_SECOND = RATE * SAMPLE_BYTES
# OpenAI's own limit.
SHORTEST_SECONDS = 0.1
PIECE = 256 * 1024
WAV_HEADER = 44
# Of a signature; ADTS and MP3 need three.
_SIGNATURE = 12
_TAG_HEADER = 10
# Frames begin with 11 bits that are set. In the second byte follow version and layer: those that there are.
_BY_FRAME = {
    **dict.fromkeys((0xF0, 0xF8), "aac"),
    **dict.fromkeys((0xE2, 0xE4, 0xE6, 0xF2, 0xF4, 0xF6, 0xFA, 0xFC, 0xFE), "mp3"),
}
# How long a decoder that was ended takes to be gone.
_SPARE_SECONDS = 10


class Audio(NamedTuple):
    """A WAV file, and how long it is."""

    file: IO[bytes]
    seconds: float


def demuxer(file: IO[bytes]) -> str | None:
    """ffmpeg's name of the container, or None. A playlist is none: it would have ffmpeg open other files."""
    file.seek(0)
    start = file.read(_SIGNATURE)
    if start.startswith(b"ID3"):
        # A tag, of which each byte of the size has seven bits.
        size = sum((byte & 0x7F) << shift for byte, shift in zip(start[6:_TAG_HEADER], (21, 14, 7, 0)))
        file.seek(_TAG_HEADER + size)
        return _by_signature(file.read(_SIGNATURE)) or "mp3"
    return _by_signature(start)


def _by_signature(start: bytes) -> str | None:
    if start[:4] in (b"RIFF", b"RF64") and start[8:12] == b"WAVE":
        return "wav"
    if start[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"):
        return "mov"
    for signature, name in (
        (b"fLaC", "flac"),
        (b"OggS", "ogg"),
        (b"\x1aE\xdf\xa3", "matroska"),
        (b"\0\0\1\xba", "mpeg"),
    ):
        if start.startswith(signature):
            return name
    return _BY_FRAME.get(start[1] & 0xFE) if start[:1] == b"\xff" and len(start) > 1 else None


async def decoded(upload: IO[bytes], settings: Settings) -> Audio:
    """The caller closes the audio."""
    container = demuxer(upload)
    if container is None:
        message = "The file is none of flac, mp3, mp4, mpeg, mpga, m4a, ogg, wav, webm and aac, by its first bytes."
        raise invalid("unsupported_format", message, "file")
    audio = _as_it_is(upload, settings) if container == "wav" else None
    if audio is None:
        try:
            # Longer than the decoder's own limit, of which it tells by itself.
            within = settings.decode_seconds + _SPARE_SECONDS
            audio = await asyncio.wait_for(_by_decoder(upload, container, settings), within)
        except asyncio.TimeoutError:
            raise undecodable(f"it takes longer than {settings.decode_seconds} seconds") from None
    if audio.seconds > settings.audio_seconds:
        audio.file.close()
        raise invalid("audio_too_long", f"The audio is longer than {settings.audio_seconds} seconds.", "file")
    if audio.seconds < SHORTEST_SECONDS:
        audio.file.close()
        raise invalid("audio_too_short", f"The audio is shorter than {SHORTEST_SECONDS} seconds.", "file")
    return audio


def _as_it_is(upload: IO[bytes], settings: Settings) -> Audio | None:
    """The samples of a WAV file that has nothing to be decoded, in a file of this program's making."""
    upload.seek(0)
    try:
        with wave.open(upload, "rb") as source, contextlib.ExitStack() as opened:
            size = source.getnframes() * SAMPLE_BYTES
            shape = (source.getframerate(), source.getnchannels(), source.getsampwidth())
            if shape != (RATE, 1, SAMPLE_BYTES) or size > os.fstat(upload.fileno()).st_size:
                return None
            file = opened.enter_context(tempfile.TemporaryFile(dir=settings.spool_dir))
            file.write(wav_header(size))
            while piece := source.readframes(PIECE):
                file.write(piece)
            if file.tell() != WAV_HEADER + size:
                return None
            opened.pop_all()
    except (wave.Error, EOFError):
        return None
    return Audio(file, size / BYTES_A_SECOND)


def undecodable(why: str) -> RefusalError:
    return invalid("audio_undecodable", f"The file holds no audio that can be decoded: {why}.", "file")


async def _by_decoder(upload: IO[bytes], container: str, settings: Settings) -> Audio:
    try:
        reader, writer = await asyncio.open_unix_connection(settings.decoder_socket)
    except OSError as error:
        message = f"The decoder does not answer ({type(error).__name__})."
        raise RefusalError(503, "decoder_unavailable", message, retry_after=settings.retry_after_seconds) from error
    try:
        # One that has seen enough reads no further; what it says counts.
        with contextlib.suppress(ConnectionError):
            writer.write(f"{container}\n".encode())
            upload.seek(0)
            while piece := upload.read(PIECE):
                writer.write(piece)
                await writer.drain()
            writer.write_eof()
        return await _answer(reader, settings)
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader, settings: Settings) -> Audio:
    try:
        said = json.loads(await reader.readline() or "{}")
        size = int(said.get("bytes", 0))
    except (OSError, ValueError):
        said, size = {}, 0
    if not said:
        raise undecodable("the decoder ended, at its limit of memory or time")
    if said.get("error") == "decoder":
        raise RefusalError(
            503, "decoder_unavailable", "The decoder cannot run.", retry_after=settings.retry_after_seconds
        )
    if said.get("error"):
        raise undecodable(
            {"time": "decoding takes too long"}.get(said["error"], "damaged, cut short, or without sound")
        )
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(tempfile.TemporaryFile(dir=settings.spool_dir))
        file.write(wav_header(size))
        left = size
        while left:
            piece = await reader.read(min(left, PIECE))
            if not piece:
                raise undecodable("the decoder ended, at its limit of memory or time")
            file.write(piece)
            left -= len(piece)
        opened.pop_all()
    return Audio(file, size / BYTES_A_SECOND)


def wav_header(size: int) -> bytes:
    """Of `size` bytes of sound."""
    form = struct.pack("<HHIIHH", 1, 1, RATE, BYTES_A_SECOND, 2, 16)
    return struct.pack("<4sI4s4sI16s4sI", b"RIFF", WAV_HEADER - 8 + size, b"WAVE", b"fmt ", 16, form, b"data", size)
