"""whisper.cpp's server as a process of this machine, and its benchmark."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Mapping, Sequence

INFERENCE_PATH = "/v1/audio/transcriptions"
READY_SECONDS = 120


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """Runs from ``with`` to the end of its block. ``load_seconds``: from its start until it answers."""

    def __init__(
        self,
        binary: Path,
        model: Path,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}{INFERENCE_PATH}"
        self.load_seconds = 0.0
        self._command = [str(binary), "--model", str(model), "--host", "127.0.0.1", "--port", str(self.port)]
        self._command += ["--language", "en", "--inference-path", INFERENCE_PATH, *options]
        self._environment = dict(os.environ, **(environment or {}))
        descriptor, path = tempfile.mkstemp(prefix="whisper-server-", suffix=".log")
        os.close(descriptor)
        self.log_path = Path(path)

    def __enter__(self) -> Server:
        self.start()
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            self.log_path.unlink()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self.log_path.unlink()

    def start(self) -> None:
        self._began = time.monotonic()
        with self.log_path.open("wb") as output:
            self.process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=output,
                env=self._environment,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_until_ready(self) -> None:
        while time.monotonic() - self._began < READY_SECONDS:
            code = self.process.poll()
            assert code is None, f"whisper-server ended with {code} while it loaded its model:\n{self.log()[-2000:]}"
            if self.healthy():
                self.load_seconds = round(time.monotonic() - self._began, 3)
                return
            time.sleep(0.01)
        raise AssertionError(f"whisper-server did not answer within {READY_SECONDS} s:\n{self.log()[-2000:]}")

    def healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def log(self) -> str:
        """What it wrote to its standard error so far."""
        return self.log_path.read_text(errors="replace")

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


def engine_benchmark(binary: Path, model: Path, options: Sequence[str], timeout_seconds: float) -> str:
    """What whisper-bench prints; what it printed so far if the time did not suffice."""
    command = [str(binary), "-m", str(model), *options]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout_seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        return (error.output or b"").decode(errors="replace")
    return done.stdout.decode(errors="replace")
