"""The module as a host runs it: what is there afterwards, whatever the server did."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("ansible", reason="ansible-core is not installed")

ROOT = Path(__file__).parents[4]
CONTENT = b"a model" * 1000
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


@pytest.fixture(scope="module")
def server():
    """The path tells what comes: /whole, /half (and the connection ends), /gone. Behind a proxy's back: a full URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            if self.path.endswith("/gone"):
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[: len(CONTENT) // 2] if self.path.endswith("/half") else CONTENT)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()


def run(url, dest, check_mode=False, environment=None, **arguments):
    paths = os.pathsep.join([str(ROOT / ".collections"), *sys.path])
    given = {"url": url, "dest": str(dest), "checksum": SHA256, "attempts": 1, "_ansible_check_mode": check_mode}
    start = (
        "import sys, runpy\n"
        "from ansible.module_utils import basic\n"
        "basic._ANSIBLE_ARGS = sys.stdin.buffer.read()\n"
        "basic._ANSIBLE_PROFILE = 'legacy'\n"
        "runpy.run_module('ansible_collections.whisperops.gpu.plugins.modules.file_download', run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", start],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {**given, **arguments}}).encode(),
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": paths, **(environment or {})},
        check=False,
    )
    return json.loads(done.stdout)


def at(server, path):
    return f"http://127.0.0.1:{server.server_port}/{path}"


def test_a_file_comes_once_and_with_its_mode(server, tmp_path):
    first = run(at(server, "whole"), tmp_path / "file", mode="0640")
    assert (first["changed"], first["size"], first["attempts"]) == (True, len(CONTENT), 1)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    asked = len(server.asked)
    assert not run(at(server, "whole"), tmp_path / "file", mode="0640")["changed"]
    assert len(server.asked) == asked


@pytest.mark.parametrize(
    ("path", "arguments", "reason"),
    [
        ("half", {}, "network"),
        ("gone", {}, "network"),
        ("whole", {"checksum": "sha256:" + 64 * "0"}, "checksum"),
        ("whole", {"checksum": "crc:1"}, "checksum"),
    ],
)
def test_what_fails_says_why_and_leaves_what_was_there(server, tmp_path, path, arguments, reason):
    (tmp_path / "file").write_bytes(b"an earlier one")
    failed = run(at(server, path), tmp_path / "file", **arguments)
    assert failed["failed"]
    assert failed["reason"] == reason
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("file", b"an earlier one")]


@pytest.mark.parametrize(
    "url", ["http://user:secret@127.0.0.1:1/a b?sig=secret", "http://127.0.0.1:secret/?sig=secret"]
)
def test_neither_message_nor_invocation_has_the_credentials_of_the_url(tmp_path, url):
    failed = run(url, tmp_path / "file")
    assert failed["reason"] == "network"
    assert "sig=secret" not in json.dumps(failed)
    assert "user:" not in json.dumps(failed)
    # Newer releases of ansible-core return no invocation.
    if "invocation" in failed:
        assert failed["invocation"]["module_args"]["url"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def test_a_directory_that_is_not_there(server, tmp_path):
    assert "No such file" in run(at(server, "whole"), tmp_path / "none" / "file")["msg"]


def test_check_mode_says_what_the_run_does_and_downloads_nothing(server, tmp_path):
    asked = len(server.asked)
    assert run(at(server, "whole"), tmp_path / "file", check_mode=True)["changed"]
    assert run(at(server, "whole"), tmp_path / "none" / "file", check_mode=True)["changed"]
    assert len(server.asked) == asked
    assert list(tmp_path.iterdir()) == []


def test_a_proxy_is_asked_unless_the_host_is_excepted(server, tmp_path):
    proxy = {"http_proxy": f"http://127.0.0.1:{server.server_port}"}
    run("http://model.invalid/whole", tmp_path / "file", environment=proxy)
    assert server.asked[-1] == "http://model.invalid/whole"
    assert (tmp_path / "file").read_bytes() == CONTENT
    failed = run("http://model.invalid/whole", tmp_path / "other", environment={**proxy, "no_proxy": ".invalid"})
    assert failed["reason"] == "network"
