"""A running service for each test, and what tests make audio with."""

from __future__ import annotations

import subprocess
import sys
import wave
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from api_host import CLIP, FFMPEG, StubServer
from api_service import service, shared

__all__ = ["service", "shared"]


@pytest.fixture
def server():
    stub = StubServer()
    yield stub
    stub.close()


@pytest.fixture(scope="session")
def ffmpeg():
    def run(*arguments):
        subprocess.run([FFMPEG, "-nostdin", "-loglevel", "error", "-y", *map(str, arguments)], check=True)

    return run


@pytest.fixture(scope="session")
def speech():
    return CLIP.read_bytes()


@pytest.fixture(scope="session")
def seconds():
    with wave.open(str(CLIP)) as clip:
        return clip.getnframes() / clip.getframerate()
