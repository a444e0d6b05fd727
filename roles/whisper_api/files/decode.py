# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decodes one file of audio with ffmpeg. systemd starts it for each connection, in a unit of its own.

In comes a line with the container, then the file; out goes a line of JSON, and 16 bit samples of 16 kHz, mono. Files
are in the unit's own /var/tmp, which is removed with the unit.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from typing import BinaryIO

# Named, so that none is ffmpeg's guess: a playlist would have it open other files.
DEMUXERS = ("aac", "flac", "matroska", "mov", "mp3", "mpeg", "ogg", "wav")
# And no decoder of pictures.
CODECS = (
    "aac,aac_fixed,ac3,adpcm_ima_wav,adpcm_ms,alac,amrnb,amrwb,eac3,flac,gsm_ms,libopencore_amrnb,libopencore_amrwb,"
    "libopus,libvorbis,mp1,mp1float,mp2,mp2float,mp3,mp3float,opus,pcm_alaw,pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le,"
    "pcm_mulaw,pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,pcm_s32be,pcm_s32le,pcm_u8,vorbis"
)
RATE = 16_000
BYTES_A_SECOND = RATE * 2
LONGEST_LINE = 32
PIECE = 256 * 1024


def arguments(ffmpeg: str, demuxer: str, source: str, target: str, seconds: int) -> list[str]:
    return [
        ffmpeg, "-nostdin", "-hide_banner", "-loglevel", "quiet",
        "-protocol_whitelist", "file", "-codec_whitelist", CODECS, "-threads", "1",
        "-f", demuxer, "-i", f"file:{source}",
        "-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1",
        # A second more, by which audio that is too long is told.
        "-t", str(seconds + 1),
        "-ac", "1", "-ar", str(RATE), "-c:a", "pcm_s16le", "-f", "s16le", "-threads", "1", f"file:{target}",
    ]  # fmt: skip


def decode(settings: argparse.Namespace, demuxer: str, source: str, target: str) -> str | None:
    """What went wrong, or None."""
    try:
        ended = subprocess.run(
            arguments(settings.ffmpeg, demuxer, source, target, settings.audio_seconds),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=settings.seconds, check=False, env={"LC_ALL": "C"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "time"
    except OSError as error:
        print(f"{settings.ffmpeg}: {error}", file=sys.stderr)
        return "decoder"
    if ended.returncode != 0 or not os.path.exists(target) or os.path.getsize(target) == 0:
        return "undecodable"
    return None


def answer(incoming: BinaryIO, outgoing: BinaryIO, settings: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(dir=settings.spool_dir) as directory:
        source, target = os.path.join(directory, "source"), os.path.join(directory, "samples")
        demuxer = incoming.readline(LONGEST_LINE).decode("ascii", "replace").strip()
        with open(source, "wb") as file:
            shutil.copyfileobj(incoming, file, PIECE)
        error: str | None = "undecodable"
        if demuxer in DEMUXERS:
            error = decode(settings, demuxer, source, target)
        said = {"error": error} if error else {"bytes": os.path.getsize(target) // 2 * 2}
        outgoing.write(json.dumps(said).encode() + b"\n")
        if error is None:
            with open(target, "rb") as file:
                shutil.copyfileobj(file, outgoing, PIECE)
        outgoing.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ffmpeg", default="/usr/bin/ffmpeg")
    parser.add_argument("--audio-seconds", type=int, required=True)
    parser.add_argument("--seconds", type=int, required=True)
    parser.add_argument("--spool-dir", default="/var/tmp")
    settings = parser.parse_args()
    try:
        answer(sys.stdin.buffer, sys.stdout.buffer, settings)
    except BrokenPipeError:
        # Nobody waits for it. Nothing is left to be written at the end, either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
