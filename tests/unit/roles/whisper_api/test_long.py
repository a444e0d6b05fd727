"""What the limits that are set by default let through: an hour of speech, and neither ten hours nor two gigabytes."""

from __future__ import annotations

import io
import socket
import sys
import wave
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from api_host import CLIP, ROOT, StubServer, running_service, wait_for  # beside this file

DEFAULTS = yaml.safe_load((ROOT / "roles" / "whisper_api" / "defaults" / "main.yml").read_text(encoding="utf-8"))
LIMITS = (
    "upload_limit_mib",
    "upload_seconds",
    "queue_length",
    "queue_seconds",
    "timeout_seconds",
    "audio_seconds",
    "split_seconds",
    "decode_seconds",
    "decoders",
)
GIB = 1024**3


@pytest.fixture(scope="module")
def by_default(tmp_path_factory):
    server = StubServer()
    limits = {name: DEFAULTS[f"whisper_api_{name}"] for name in LIMITS}
    with running_service(tmp_path_factory.mktemp("long"), [server], **limits) as service:
        yield service
    server.close()


@pytest.fixture
def made(tmp_path, ffmpeg):
    def make(name, *arguments):
        path = tmp_path / name
        ffmpeg(*arguments, path)
        return path.read_bytes()

    return make


def test_an_hour_of_speech_passes(by_default, made):
    hour = made("hour.flac", "-stream_loop", "-1", "-i", CLIP, "-t", "3600", "-compression_level", "0")
    status, _headers, answer = by_default.post(("file", "hour.flac", hour))
    assert (status, answer["usage"]["seconds"]) == (200, 3600)
    (request,) = by_default.server.requests
    with wave.open(io.BytesIO(request["file"])) as sound:
        assert sound.getnframes() == 3600 * 16000
    # Neither the upload nor the samples are kept in memory, of which a service has so much.
    assert by_default.memory_kib() < DEFAULTS["whisper_api_memory_limit_mib"] * 1024 / 4
    wait_for(lambda: not list(by_default.spool.iterdir()))


def test_ten_hours_of_silence_are_refused(by_default, made):
    silence = made("silence.flac", "-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "36000")
    status, _headers, answer = by_default.post(("file", "silence.flac", silence))
    assert (status, answer["error"]["code"]) == (400, "audio_too_long")
    wait_for(lambda: not list(by_default.spool.iterdir()))


def test_two_gigabytes_are_refused_before_they_are_sent(by_default):
    with socket.create_connection(("127.0.0.1", by_default.port), timeout=30) as client:
        client.sendall(
            b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
            b"Content-Type: multipart/form-data; boundary=limit\r\n\r\n" % (2 * GIB)
        )
        answer = client.recv(65536)
    assert b" 413 " in answer.split(b"\r\n")[0]
    assert b"upload_too_large" in answer
