"""What the engine's socket answers, asked by the one client of its API."""

from __future__ import annotations

import http.server
import socketserver
import threading

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.engine_service import ask

ANSWERS = {
    "/_ping": (200, b"OK"),
    "/info": (200, b'{"LiveRestoreEnabled": true}'),
    "/broken": (200, b'{"LiveRestoreEnabled":'),
    "/refused": (500, b'{"message": "no"}'),
}


class Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = ANSWERS[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def socket_path(tmp_path):
    path = str(tmp_path / "docker.sock")
    with socketserver.ThreadingUnixStreamServer(path, Answering) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield path
        server.shutdown()


@pytest.mark.parametrize(("target", "answer"), [("/_ping", "OK"), ("/info", {"LiveRestoreEnabled": True})])
def test_an_engine_that_answers_is_heard(socket_path, target, answer) -> None:
    assert ask(socket_path, target) == answer


@pytest.mark.parametrize("target", ["/broken", "/refused"])
def test_an_answer_that_is_none_is_none(socket_path, target) -> None:
    assert ask(socket_path, target) is None


def test_an_engine_that_is_not_there_gives_no_answer(tmp_path) -> None:
    assert ask(str(tmp_path / "none.sock"), "/_ping") is None
