"""The service as a host runs it: its own process, the real decoder for each connection, a stub of whisper-server."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import imageio_ffmpeg

ROOT = Path(__file__).parents[4]
PROGRAMS = ROOT / "roles" / "whisper_api" / "files"
CLIP = ROOT / "tests" / "fixtures" / "smoke" / "clips" / "deploy.wav"
RECORDED = ROOT / "tests" / "fixtures" / "whisper_server" / "verbose_json"
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


class StubServer:
    """Answers as whisper-server did when its answers were recorded. Each test says how, or gives a function."""

    def __init__(self):
        # Holds the answers while it is clear.
        self.go = threading.Event()
        self.reset()
        self._lock = threading.Lock()
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self._send(200 if stub.healthy else 503, stub.health)

            def do_POST(self):
                boundary = b"--" + self.headers.get_param("boundary").encode()
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = dict(part_of_form(part) for part in body.split(boundary)[1:-1])
                with stub._lock:
                    stub.requests.append(request)
                    stub.running += 1
                    stub.most_running = max(stub.most_running, stub.running)
                stub.go.wait(30)
                reply = stub.reply(request) if callable(stub.reply) else stub.reply
                with stub._lock:
                    stub.running -= 1
                if reply is None:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                else:
                    self._send(*reply)

            def _send(self, status, body):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments):
                pass

        self._httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._httpd.server_address[1]
        threading.Thread(target=self._httpd.serve_forever, daemon=True).start()

    def reset(self):
        self.requests = []
        self.reply = (200, (RECORDED / "1.9.1-words.json").read_bytes())
        self.healthy = True
        self.health = b'{"status":"ok"}'
        self.running = self.most_running = 0
        self.go.set()

    def close(self):
        self.go.set()
        self._httpd.shutdown()
        self._httpd.server_close()


def part_of_form(part):
    head, _end, value = part.partition(b"\r\n\r\n")
    return re.search(rb'name="([^"]*)"', head).group(1).decode(), value[: -len(b"\r\n")]


class StubSocketUnit:
    """What systemd does for a socket with Accept=yes: a process for each connection, which is its input and output."""

    def __init__(self, path, *arguments):
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen(64)
        self._command = [sys.executable, "-I", str(PROGRAMS / "decode.py"), *arguments]
        self.started = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _address = self._listening.accept()
            except OSError:
                return
            self.started += 1
            subprocess.Popen(self._command, stdin=connection, stdout=connection)
            connection.close()

    def close(self):
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


class Service:
    def __init__(self, chosen, process, directory, decoder, server):
        self.port, self.process, self.decoder, self.server = chosen["port"], process, decoder, server
        self.metrics_port = chosen["metrics_port"]
        self.spool, self.servers_file = directory / "spool", directory / "servers.json"
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def get(self, path):
        return self.request("GET", path)

    def request(self, method, path, body=None, headers=None):
        """Status, headers, body: JSON where it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, answer.headers, json.loads(raw) if is_json else raw.decode()

    def post(self, *parts, path="/v1/audio/transcriptions"):
        """`parts`: (name, value), or (name, file name, bytes)."""
        return self.request("POST", path, form(*parts), {"Content-Type": "multipart/form-data; boundary=limit"})

    def memory_kib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(status.partition("VmRSS:")[2].split()[0])

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def form(*parts):
    body = b""
    for name, *rest in parts:
        *file_name, value = rest
        body += f'--limit\r\nContent-Disposition: form-data; name="{name}"'.encode()
        body += f'; filename="{file_name[0]}"\r\n\r\n'.encode() if file_name else b"\r\n\r\n"
        body += (value if isinstance(value, bytes) else str(value).encode()) + b"\r\n"
    return body + b"--limit--\r\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settings(directory, **changed):
    return {
        "listen_address": "127.0.0.1",
        "port": free_port(),
        "servers_file": str(directory / "servers.json"),
        "plan_file": str(directory / "plan.json"),
        "decoder_socket": str(directory / "decode.sock"),
        "model_aliases": ["whisper-1"],
        "upload_limit_mib": 4,
        "upload_seconds": 20,
        "queue_length": 2,
        "queue_seconds": 20,
        "timeout_seconds": 20,
        "retry_after_seconds": 7,
        "audio_seconds": 60,
        "split_seconds": 0,
        "decode_seconds": 20,
        "decoders": 2,
        "page": True,
        "metrics_listen_address": "127.0.0.1",
        "metrics_port": free_port(),
        "queue_url": "",
        "identity": "made by a test",
        "spool_dir": str(directory / "spool"),
        **changed,
    }


@contextlib.contextmanager
def running_service(directory, servers, server=None, **changed):
    directory.mkdir(exist_ok=True)
    chosen = settings(directory, **changed)
    spool = directory / "spool"
    spool.mkdir()
    urls = [{"url": f"http://127.0.0.1:{server.port}/v1/audio/transcriptions"} for server in servers]
    (directory / "servers.json").write_text(json.dumps({"servers": urls}), encoding="utf-8")
    (directory / "plan.json").write_text(json.dumps({"model": "base.en"}), encoding="utf-8")
    (directory / "settings.json").write_text(json.dumps(chosen), encoding="utf-8")
    arguments = ["--audio-seconds", str(chosen["audio_seconds"]), "--seconds", str(chosen["decode_seconds"])]
    decoder = StubSocketUnit(directory / "decode.sock", "--ffmpeg", FFMPEG, "--spool-dir", str(spool), *arguments)
    command = [sys.executable, "-B", "-m", "whisper_api", str(directory / "settings.json")]
    with open(directory / "log", "wb") as log, subprocess.Popen(command, cwd=PROGRAMS, stderr=log) as process:
        try:
            wait_for(lambda: answers(chosen["port"]), process)
            yield Service(chosen, process, directory, decoder, server or servers[0])
        finally:
            process.terminate()
            process.wait(30)
            decoder.close()


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition, process=None):
    for _attempt in range(1200):
        if condition():
            return
        assert process is None or process.poll() is None
        time.sleep(0.05)
    raise AssertionError("it never came to be so")
