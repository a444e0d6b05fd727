"""The answers of Docker Engine to the removal of an image: a conflict is told, and does not end the removal."""

from __future__ import annotations

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.content import content
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.image_removal import deleter
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.client import Engine
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError

IN_USE = "conflict: unable to delete debian:12 (must be forced) - image is being used by stopped container 1"
ANSWERS = {
    "/images/ghcr.io/ggml-org/whisper.cpp:main": (200, [{"Untagged": "x"}]),
    "/images/debian@sha256:1": (404, {"message": "No such image"}),
    "/images/debian:12": (409, {"message": IN_USE}),
    "/images/broken:1": (500, {"message": "no disk"}),
}


class Answering(BaseHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def address_string(self) -> str:
        return "unix"

    def do_DELETE(self) -> None:
        status, body = ANSWERS[self.path]
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def delete(tmp_path):
    path = str(tmp_path / "docker.sock")
    with socketserver.ThreadingUnixStreamServer(path, Answering) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield deleter(Engine(path, 5))
        server.shutdown()


@pytest.mark.parametrize("name", ["ghcr.io/ggml-org/whisper.cpp:main", "debian@sha256:1"])
def test_an_image_that_is_removed_or_not_there_is_gone(delete, name):
    assert delete(name) is None


def test_an_image_in_use_stays_with_the_words_of_the_engine(delete):
    assert delete("debian:12") == IN_USE


def test_another_answer_is_a_problem(delete):
    with pytest.raises(InspectionError) as problem:
        delete("broken:1")
    assert problem.value.problem.code == "docker_error"


def test_a_stopped_engine_is_unreachable(tmp_path):
    with pytest.raises(InspectionError) as problem:
        content(Engine(str(tmp_path / "none.sock"), 5).ask)
    assert problem.value.problem.code == "docker_unreachable"
