"""Stands in for Docker's transport alone: the calls of the Engine API that reading an image takes, over a unix socket.

Status codes and bodies are those of the Engine API reference; the files it serves are packed as `docker export` does
(names without a leading slash, directories with a trailing one), chunked as the engine sends it.
"""

from __future__ import annotations

import io
import json
import socketserver
import tarfile
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import unquote, urlsplit


def export_tar(files: dict) -> bytes:
    """From path to bytes (a file), str (where a symbolic link points) or a tuple of one path (a hard link to it)."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("dev/", "etc/", "proc/", "sys/"):
            directory = tarfile.TarInfo(name)
            directory.type = tarfile.DIRTYPE
            archive.addfile(directory)
        for path, content in files.items():
            member = tarfile.TarInfo(path.lstrip("/"))
            if isinstance(content, bytes):
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
            else:
                member.type = tarfile.SYMTYPE if isinstance(content, str) else tarfile.LNKTYPE
                member.linkname = content if isinstance(content, str) else content[0].lstrip("/")
                archive.addfile(member)
    return packed.getvalue()


class StandInEngine(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, socket_path: Path) -> None:
        super().__init__(str(socket_path), _Handler)
        self.url = f"unix://{socket_path}"
        self.images: dict = {}
        self.exports: dict = {}
        self.containers: dict = {}
        self.calls: list = []
        self.refuse: dict = {}
        """From "METHOD path" to the status that it is answered with."""
        self.break_off_after: int | None = None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up in the middle is what some tests are about."""

    def add_image(self, reference: str, configuration: dict, files: dict) -> str:
        image_id = f"sha256:{len(self.images):064x}"
        document = {
            "Id": image_id,
            "RepoTags": [reference],
            "RepoDigests": [],
            "Architecture": "amd64",
            "Os": "linux",
            "Config": configuration,
        }
        self.images[reference] = self.images[image_id] = document
        self.exports[image_id] = export_tar(files)
        return image_id


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandInEngine

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def address_string(self) -> str:
        return "unix"

    def _answer(self, status: int, document: object = None) -> None:
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _route(self) -> None:
        engine, path = self.server, unquote(urlsplit(self.path).path)
        engine.calls.append(f"{self.command} {path}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        for prefix, status in engine.refuse.items():
            if engine.calls[-1].startswith(prefix):
                self._answer(status, {"message": "refused by the test"})
                return
        parts = path.strip("/").split("/")
        if self.command == "GET" and parts[0] == "images" and parts[-1] == "json":
            reference = "/".join(parts[1:-1])
            if reference in engine.images:
                self._answer(200, engine.images[reference])
            else:
                self._answer(404, {"message": f"No such image: {reference}"})
        elif self.command == "POST" and parts == ["containers", "create"]:
            name = urlsplit(self.path).query.split("name=")[1]
            engine.containers[name] = json.loads(body)
            self._answer(201, {"Id": "0" * 64, "Warnings": []})
        elif self.command == "GET" and parts[0] == "containers" and parts[-1] == "export":
            self._export(engine.exports[engine.containers[parts[1]]["Image"]])
        elif self.command == "DELETE" and parts[0] == "containers":
            known = engine.containers.pop(parts[1], None)
            self._answer(204 if known else 404, None if known else {"message": f"No such container: {parts[1]}"})
        else:
            self._answer(404, {"message": "page not found"})

    do_GET = do_POST = do_DELETE = _route  # noqa: N815  # http.server's names

    def _export(self, archive: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        end = self.server.break_off_after
        for at in range(0, len(archive) if end is None else end, 32 * 1024):
            piece = archive[at : at + 32 * 1024]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if end is None:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True
