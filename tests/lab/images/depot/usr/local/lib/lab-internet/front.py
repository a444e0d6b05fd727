"""What GitHub, two image registries and the model hub do, as their clients see it, on 127.0.0.1:8000 behind nginx.

The bytes are the depot's. Port 8001 is the lab's own: GET tells the requests so far, POST gives faults to come:
[{"host": "codeload.github.com", "fault": "busy", "times": 1}], DELETE forgets both.

  busy      429 with Retry-After
  cut       the connection ends in the middle of the body
  expired   a redirect to a URL whose signature has run out
"""

from __future__ import annotations

import json
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, str(Path(__file__).parent))

import registry
import signature

DEPOT = Path("/srv/depot")
RETRY_AFTER_SECONDS = 2
LFS_CDN = "cas-bridge.xethub.hf.co"
# Only the smoke model can be had in the lab: it stands for the default model.
MODELS = {"ggml-base.en.bin": "ggml-smoke.en.bin"}

lock = threading.Lock()
faults: list[dict[str, object]] = []
seen: list[dict[str, object]] = []


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes = b""
    # GitHub makes its archives as it sends them: it says no length, and takes no range.
    streamed: bool = False


def take_fault(host: str, *kinds: str) -> str:
    with lock:
        for fault in faults:
            if fault["host"] == host and fault["fault"] in kinds and int(str(fault["times"])) > 0:
                fault["times"] = int(str(fault["times"])) - 1
                return str(fault["fault"])
    return ""


def text(status: int, message: str, **headers: str) -> Answer:
    return Answer(status, {"Content-Type": "text/plain", **headers}, message.encode())


def github(path: str, query: dict[str, str]) -> Answer:
    repository, _separator, archive = path.partition("/archive/")
    if not archive.endswith(".tar.gz"):
        return text(404, "Not Found")
    return text(302, "", Location=f"https://codeload.github.com{repository}/tar.gz/{archive[: -len('.tar.gz')]}")


def codeload(path: str, query: dict[str, str]) -> Answer:
    repository, _separator, reference = path.partition("/tar.gz/refs/tags/v")
    name = f"{repository.rpartition('/')[2]}-{reference}"
    file = DEPOT / "releases" / f"{name}.tar.gz"
    if not reference or "/" in reference or not file.is_file():
        return text(404, "404: Not Found")
    disposition = f"attachment; filename={name}.tar.gz"
    return Answer(
        200, {"Content-Type": "application/x-gzip", "Content-Disposition": disposition}, file.read_bytes(), True
    )


def hub(path: str, query: dict[str, str]) -> Answer:
    model, _separator, of_revision = path.partition("/resolve/")
    file = of_revision.partition("/")[2]
    if model != "/ggerganov/whisper.cpp" or file not in MODELS:
        return text(404, "Entry not found", **{"X-Error-Code": "EntryNotFound"})
    content = (DEPOT / MODELS[file]).read_bytes()
    location = signature.sign(f"https://{LFS_CDN}/xet-bridge-us/{file}", take_fault("huggingface.co", "expired") != "")
    return text(302, f"Found. Redirecting to {location}", Location=location, **{"X-Linked-Size": str(len(content))})


def hub_cdn(path: str, query: dict[str, str]) -> Answer:
    if not signature.holds(f"https://{LFS_CDN}{path}", query):
        return text(403, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
    content = (DEPOT / MODELS[path.rpartition("/")[2]]).read_bytes()
    return Answer(
        200, {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes", "ETag": '"smoke"'}, content
    )


HOSTS = {"github.com": github, "codeload.github.com": codeload, "huggingface.co": hub, LFS_CDN: hub_cdn}


def answer(host: str, target: str, headers: dict[str, str]) -> Answer:
    parts = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if take_fault(host, "busy"):
        return text(429, "Too many requests", **{"Retry-After": str(RETRY_AFTER_SECONDS)})
    if host in HOSTS:
        return HOSTS[host](parts.path, query)
    return Answer(*registry.answer(host, parts.path, query, headers))


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        host = self.headers["Host"].partition(":")[0]
        given = answer(host, self.path, {name.lower(): value for name, value in self.headers.items()})
        status, body = given.status, given.body
        wanted = self.headers.get("Range", "")
        headers = dict(given.headers)
        if status == HTTPStatus.OK and wanted.startswith("bytes=") and "Accept-Ranges" in headers:
            start = int(wanted[len("bytes=") :].partition("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            status, body = HTTPStatus.PARTIAL_CONTENT, body[start:]
        with lock:
            seen.append({"host": host, "method": self.command, "path": urlsplit(self.path).path, "status": status})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if given.streamed:
            self.send_header("Transfer-Encoding", "chunked")
        elif "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if len(body) > 1 and take_fault(host, "cut"):
            self._write(body[: len(body) // 2], given.streamed)
            self.close_connection = True
            return
        self._write(body, given.streamed)
        if given.streamed:
            self.wfile.write(b"0\r\n\r\n")

    def do_HEAD(self) -> None:
        self.do_GET()

    def _write(self, body: bytes, chunked: bool) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body) if chunked else body)

    def log_message(self, format: str, *args: object) -> None:
        """What was asked is told on port 8001."""


class Control(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        with lock:
            body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with lock:
            faults[:] = given
        self.send_response(204)
        self.end_headers()

    def do_DELETE(self) -> None:
        with lock:
            faults.clear()
            seen.clear()
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


if __name__ == "__main__":
    threading.Thread(target=ThreadingHTTPServer(("0.0.0.0", 8001), Control).serve_forever, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", 8000), Front).serve_forever()
