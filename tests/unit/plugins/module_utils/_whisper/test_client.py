from __future__ import annotations

import contextlib
import http.server
import socket
import threading
import time
import tracemalloc
import wave

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import client


class Answer(http.server.BaseHTTPRequestHandler):
    status, body, received = 200, b"", b""

    def do_POST(self):
        type(self).received = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    handler = type("Handler", (Answer,), {})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        handler.url = f"http://127.0.0.1:{listening.server_port}/inference"
        yield handler
        listening.shutdown()


def test_the_transcript_comes_on_one_line(server):
    server.body = b'{"text": " hello\\n world \\n"}'
    assert client.transcribe(server.url, b"RIFF", 5).text == "hello world"


def test_the_audio_arrives_as_it_is(server):
    server.body = b'{"text": ""}'
    audio = bytes(range(256))
    client.transcribe(server.url, audio, 5)
    assert audio in server.received
    assert b'name="file"' in server.received


def test_fields_arrive_next_to_those_of_each_request(server):
    server.body = b'{"text": ""}'
    client.transcribe(server.url, b"RIFF", 5, {"language": "de"})
    for name, value in ((b"response_format", b"json"), (b"temperature", b"0"), (b"language", b"de")):
        assert b'name="%s"\r\n\r\n%s\r\n' % (name, value) in server.received


def test_words_broken_at_the_end_of_a_line_are_joined():
    assert client.Transcription(" the ser\nver is\n ready\n", 1.0).joined == "the server is ready"


def test_the_seconds_are_those_of_the_whole_answer(server):
    server.body = b'{"text": "x"}'
    assert 0 < client.transcribe(server.url, b"", 5).seconds < 5


@pytest.mark.parametrize(
    "body",
    [b"", b"ok", b"[]", b"{}", b'{"error": "failed to read audio"}', b"null",
     b"[" * 200_000, b'{"text": ' + b"[" * 100_000,
     b'{"text": 1}', b'{"text": null}', b'{"text": ["x"]}', b"1" * 10_000],
    ids=range(12),
)  # fmt: skip
def test_an_answer_without_a_transcript_is_an_error_that_shows_it(server, body):
    server.body = body
    with pytest.raises(client.TranscriptionError, match="something other than a transcript"):
        client.transcribe(server.url, b"", 5)


def test_a_status_other_than_200_is_an_error_that_shows_it(server):
    server.status, server.body = 404, b"File Not Found (/inference)"
    with pytest.raises(client.TranscriptionError, match=r"404: File Not Found"):
        client.transcribe(server.url, b"", 5)


def test_an_excerpt_of_an_answer_is_one_line_without_control_characters(server):
    server.status, server.body = 500, b"\x1b]0;title\x07\x1b[2J first\r\nsecond \xe2\x80\xae\xff"
    with pytest.raises(client.TranscriptionError) as failed:
        client.transcribe(server.url, b"", 5)
    assert str(failed.value).endswith("status 500: �]0;title��[2J first second ��")


def test_halves_of_characters_do_not_get_into_a_transcript(server):
    server.body = b'{"text": "a \\ud800 b"}'
    assert client.transcribe(server.url, b"", 5).text == "a ? b"


@contextlib.contextmanager
def talking(first, again, pause):
    """A server that does not end: it says the first, and then the other again and again, for longer than any test is to
    wait for it."""
    ended = threading.Event()

    def talk(listening):
        with contextlib.suppress(OSError):
            connection, _address = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(first)
                last = time.monotonic() + 10
                while not ended.wait(pause) and time.monotonic() < last:
                    connection.sendall(again)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=talk, args=(listening,))
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        ended.set()
    thread.join()


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"x" * (1 << 20)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n", b"x" * (1 << 20)),
    ],
    ids=["until it closes", "chunks", "a length"],
)
def test_an_answer_without_end_is_not_taken_in(first, again):
    tracemalloc.start()
    try:
        with talking(first, again, 0) as url, pytest.raises(client.TranscriptionError, match="more than 4194304 bytes"):
            client.transcribe(url, b"", 30)
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (b"", b"H"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n"),
    ],
    ids=["status", "continue", "headers", "body", "chunks", "trailers"],
)
def test_a_server_that_sends_a_little_now_and_then_ends_in_time(first, again):
    with talking(first, again, 0.05) as url, pytest.raises(client.TranscriptionError, match="timed out"):
        client.transcribe(url, b"", 0.6)


def test_a_server_that_takes_nothing_ends_in_time():
    timed_out = pytest.raises(client.TranscriptionError, match="timed out")
    with timed_out, socket.create_server(("127.0.0.1", 0)) as silent:
        client.transcribe(f"http://127.0.0.1:{silent.getsockname()[1]}/", bytes(64 << 20), 0.5)


def test_nobody_listening_is_an_error():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(client.TranscriptionError, match="refused"):
        client.transcribe(f"http://127.0.0.1:{port}/", b"", 5)


def test_a_server_that_says_nothing_ends_in_time():
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(client.TranscriptionError, match="timed out"):
        client.transcribe(f"http://127.0.0.1:{silent.getsockname()[1]}/", b"", 0.2)


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "https://127.0.0.1/", "http:///inference", ""])
def test_another_url_is_refused(url):
    with pytest.raises(client.TranscriptionError, match="not the http"):
        client.transcribe(url, b"", 5)


def test_the_length_of_a_wav_file_is_known(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(16000)
        audio.writeframes(bytes(2 * 24000))
    assert client.audio_seconds(str(tmp_path / "a.wav")) == 1.5


@pytest.mark.parametrize("content", [b"", b"ID3", b"RIFF\x00\x00\x00\x00WAVE"])
def test_the_length_of_anything_else_is_not(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    assert client.audio_seconds(str(tmp_path / "a")) is None
