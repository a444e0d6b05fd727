"""Plays back what an engine once answered, one answer to a call, below http.client: no socket, no thread."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Iterable

from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api import client

DIRECTORY = Path(__file__).parents[4] / "fixtures" / "docker_engine"
VERSIONS = sorted(path.name for path in DIRECTORY.iterdir() if path.is_dir())
# In the order in which an image is read.
CALLS = ("image", "create", "export", "delete")


class _Answer:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def sendall(self, request: bytes) -> None:
        """What is asked makes no difference to what was answered."""

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._content)

    def close(self) -> None:
        pass


class RecordedConnection(client.UnixConnection):
    answers: Iterable[bytes] = iter(())

    def connect(self) -> None:
        self.sock = _Answer(next(iter(self.answers), b""))


def recorded(version: str) -> list[bytes]:
    return [(DIRECTORY / version / f"{call}.http").read_bytes() for call in CALLS]
