"""A running service for each test, and what tests make audio with."""

from __future__ import annotations

import subprocess
import sys
import wave
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from api_host import CLIP, FFMPEG, StubServer, running_service


@pytest.fixture
def server():
    stub = StubServer()
    yield stub
    stub.close()


# To start one takes longer than most tests do.
@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    stub = StubServer()
    with running_service(tmp_path_factory.mktemp("service"), [stub]) as running:
        yield running
    stub.close()


@pytest.fixture
def service(shared):
    """With `service.server`, as it is at first, behind it."""
    shared.server.reset()
    shared.decoder.started = 0
    return shared


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
