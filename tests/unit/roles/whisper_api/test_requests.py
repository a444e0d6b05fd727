"""Requests that are none, servers that fail, clients that go away, and more of them than there is room for."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from api_host import CLIP, StubServer, form, running_service, wait_for  # beside this file

MULTIPART = {"Content-Type": "multipart/form-data; boundary=limit"}


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({"Content-Type": "application/json"}, b"{}", "bad_request"),
        ({}, b"", "bad_request"),
        ({"Content-Type": "multipart/form-data"}, b"--limit--", "bad_request"),
        (MULTIPART, b"", "bad_request"),
        (MULTIPART, b"no limit at all", "bad_request"),
        (MULTIPART, form(("file", "a.wav", b"RIFF"))[:-20], "bad_request"),
        (MULTIPART, form(("model", "whisper-1")), "missing_parameter"),
        (MULTIPART, form(("file", "a", b"x"), ("file", "b", b"y")), "repeated_parameter"),
        (MULTIPART, form(("file", "a", b"x"), ("model", "whisper-1"), ("model", "whisper-1")), "repeated_parameter"),
        (MULTIPART, form(("file", "a", b"x"), ("prompt", b"\xff\xfe")), "invalid_value"),
        (MULTIPART, form(("file", "a", b"x"), *[(f"f{i}", "x") for i in range(70)]), "bad_request"),
        (MULTIPART, b"--limit\r\n" + b"X-A: b\r\n" * 60_000 + b"\r\nx\r\n--limit--\r\n", "bad_request"),
        (MULTIPART, b"--limit\r\n\r\nx\r\n--limit--\r\n", "bad_request"),
        (
            MULTIPART,
            b'--limit\r\nContent-Disposition: form-data; name="file"\r\n'
            b"Content-Type: multipart/mixed; boundary=inner\r\n\r\n--inner\r\n\r\nx\r\n--inner--\r\n--limit--\r\n",
            "bad_request",
        ),
        (
            MULTIPART,
            b'--limit\r\nContent-Disposition: form-data; name="file"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
            b"AAAA\r\n--limit--\r\n",
            "bad_request",
        ),
    ],
)
def test_a_request_that_is_none_gets_400(service, headers, body, code):
    status, given, answer = service.request("POST", "/v1/audio/transcriptions", body, headers)
    assert (status, answer["error"]["code"]) == (400, code), answer
    assert given["X-Request-ID"]
    assert service.server.requests == []
    wait_for(lambda: not list(service.spool.iterdir()))


def test_other_paths_and_methods_get_errors_of_the_same_form(service):
    assert service.get("/v1/chat/completions")[2]["error"]["code"] == "not_found"
    status, _headers, answer = service.get("/v1/audio/transcriptions")
    assert (status, answer["error"]["code"]) == (405, "method_not_allowed")


def test_a_request_keeps_its_name(service):
    assert service.request("GET", "/health", headers={"X-Request-ID": "mine-1"})[1]["X-Request-ID"] == "mine-1"
    assert service.request("GET", "/health", headers={"X-Request-ID": "not a name"})[1]["X-Request-ID"] != "not a name"


def test_health_says_which_configuration_runs(service):
    status, headers, answer = service.get("/health")
    assert (status, answer, headers["X-Whisper-Configuration"]) == (200, {"status": "ok"}, "made by a test")


@pytest.fixture(scope="module")
def speech(ffmpeg, tmp_path_factory):
    """As a client sends it: the tests count the decoders."""
    path = tmp_path_factory.mktemp("speech") / "speech.flac"
    ffmpeg("-i", CLIP, path)
    return path.read_bytes()


# The limit is 4 MiB.


def test_a_request_that_says_it_is_too_large_is_refused(service):
    status, _headers, answer = service.post(("file", "a.wav", bytes(5 << 20)))
    assert (status, answer["error"]["code"]) == (413, "upload_too_large")


def test_a_body_without_an_end_is_ended(service):
    """Chunked, so that its length is not known before."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as client:
        client.sendall(
            b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: multipart/form-data; boundary=limit\r\n\r\n"
        )
        start = form(("file", "a.wav", b""))[: -len(b"\r\n--limit--\r\n")]
        chunk = b"%x\r\n%s\r\n" % (65536, bytes(65536))
        client.sendall(b"%x\r\n%s\r\n" % (len(start), start))
        sent = 0
        # Until the answer is there: more than what is taken in goes nowhere.
        client.settimeout(5)
        while sent < 64 << 20 and not readable(client):
            try:
                client.sendall(chunk)
            except OSError:
                break
            sent += len(chunk)
        assert b" 413 " in client.recv(65536).split(b"\r\n")[0]
    assert service.server.requests == []
    wait_for(lambda: not list(service.spool.iterdir()))


def readable(connection):
    connection.setblocking(False)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(5)


def test_a_body_that_comes_too_slowly_is_ended(tmp_path, server):
    with running_service(tmp_path, [server], upload_seconds=1) as service:
        with socket.create_connection(("127.0.0.1", service.port), timeout=30) as client:
            client.sendall(
                b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
                b"Content-Type: multipart/form-data; boundary=limit\r\n\r\n--limit\r\n"
            )
            answer = client.recv(65536)
        assert b" 408 " in answer.split(b"\r\n")[0]
        assert b"request_timeout" in answer


def later(call):
    """Run it beside; its result is awaited with the second value."""
    results = []
    thread = threading.Thread(target=lambda: results.append(call()), daemon=True)
    thread.start()
    return lambda: (thread.join(60), results[0])[1]


def test_a_server_has_one_request_at_a_time_and_a_full_queue_is_refused(service, speech):
    service.server.go.clear()
    asked = [later(lambda: service.post(("file", "a.wav", speech))) for _request in range(3)]
    # One runs, two wait: the queue of this service is full when all three have been taken in.
    wait_for(lambda: service.server.running and service.decoder.started == 3)
    status, headers, answer = service.post(("file", "a.wav", speech))
    assert (status, answer["error"]["code"], answer["error"]["type"]) == (503, "queue_full", "server_error")
    assert headers["Retry-After"] == "7"
    # The other two would have been sent by now.
    time.sleep(1)
    assert service.server.running == 1
    service.server.go.set()
    assert [wait()[0] for wait in asked] == [200, 200, 200]
    assert service.server.most_running == 1


def test_two_servers_have_one_each(tmp_path, server, speech):
    second = StubServer()
    try:
        with running_service(tmp_path, [server, second]) as service:
            server.go.clear()
            second.go.clear()
            asked = [later(lambda: service.post(("file", "a.wav", speech))) for _request in range(2)]
            wait_for(lambda: server.running == second.running == 1)
            server.go.set()
            second.go.set()
            assert [wait()[0] for wait in asked] == [200, 200]
    finally:
        second.close()


def send_and_go(service, speech):
    body = form(("file", "a.wav", speech))
    client = socket.create_connection(("127.0.0.1", service.port))
    client.sendall(
        b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
        b"Content-Type: multipart/form-data; boundary=limit\r\n\r\n%s" % (len(body), body)
    )
    return client


def test_a_client_that_goes_away_in_the_middle_of_its_upload_leaves_nothing(service):
    files = service.open_files()
    for _client in range(20):
        with socket.create_connection(("127.0.0.1", service.port)) as client:
            client.sendall(
                b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
                b"Content-Type: multipart/form-data; boundary=limit\r\n\r\n%s"
                % form(("file", "a.wav", bytes(99_999)))[:-11]
            )
            time.sleep(0.05)
    wait_for(lambda: service.open_files() <= files and not list(service.spool.iterdir()))
    assert service.server.requests == []
    # None of them keeps a place in the queue.
    assert service.post(("file", "a.wav", CLIP.read_bytes()))[0] == 200


def test_a_client_that_goes_away_while_waiting_leaves_the_queue(service, speech):
    service.server.go.clear()
    first = later(lambda: service.post(("file", "a.wav", speech)))
    wait_for(lambda: service.server.running == 1)
    waiting = send_and_go(service, speech)
    wait_for(lambda: service.decoder.started == 2)
    time.sleep(0.5)
    waiting.close()
    # Longer than the service takes to look whether it is still there.
    time.sleep(1.5)
    service.server.go.set()
    assert first()[0] == 200
    assert service.post(("file", "a.wav", speech))[0] == 200
    assert len(service.server.requests) == 2


def test_a_client_that_goes_away_while_it_runs_does_not_free_the_server(service, speech):
    service.server.go.clear()
    running = send_and_go(service, speech)
    wait_for(lambda: service.server.running == 1)
    running.close()
    second = later(lambda: service.post(("file", "a.wav", speech)))
    wait_for(lambda: service.decoder.started == 2)
    time.sleep(1.5)
    assert (service.server.running, service.server.most_running) == (1, 1)
    service.server.go.set()
    assert second()[0] == 200
    assert service.server.most_running == 1


def test_a_server_that_takes_too_long_keeps_its_turn_and_its_client_gets_504(tmp_path, server, speech):
    with running_service(tmp_path, [server], timeout_seconds=1) as service:
        server.go.clear()
        status, _headers, answer = service.post(("file", "a.wav", speech))
        assert (status, answer["error"]["code"]) == (504, "server_timeout")
        second = later(lambda: service.post(("file", "a.wav", speech)))
        wait_for(lambda: service.decoder.started == 2)
        time.sleep(1.5)
        assert server.most_running == 1
        server.go.set()
        assert second()[0] == 200


def test_a_request_that_waits_too_long_is_refused(tmp_path, server, speech):
    with running_service(tmp_path, [server], queue_seconds=1) as service:
        server.go.clear()
        first = later(lambda: service.post(("file", "a.wav", speech)))
        wait_for(lambda: server.running == 1)
        status, headers, answer = service.post(("file", "a.wav", speech))
        assert (status, answer["error"]["code"], headers["Retry-After"]) == (503, "no_server_in_time", "7")
        server.go.set()
        assert first()[0] == 200


def test_a_server_that_is_lost_with_the_request_is_not_asked_again(service, speech):
    service.server.reply = None
    status, _headers, answer = service.post(("file", "a.wav", speech))
    assert (status, answer["error"]["code"]) == (502, "server_lost")
    assert len(service.server.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        (400, b"Invalid request"),
        (500, b"500 Internal Server Error\nstoi"),
        (404, b"File Not Found"),
        (200, b"no JSON"),
        (200, b"[]"),
        (200, b'{"segments": [{}]}'),
        (200, b'{"segments": 3}'),
    ],
)
def test_an_answer_that_is_no_transcript_is_an_error_of_the_server(service, speech, reply):
    service.server.reply = reply
    status, _headers, answer = service.post(("file", "a.wav", speech), ("response_format", "verbose_json"))
    assert (status, answer["error"]["code"], answer["error"]["type"]) == (500, "server_failed", "server_error")
    assert len(service.server.requests) == 1


def test_an_answer_without_end_is_not_taken_in(service, speech):
    service.server.reply = (200, b'{"segments": []}' + b" " * (65 << 20))
    status, _headers, answer = service.post(("file", "a.wav", speech))
    assert (status, answer["error"]["code"]) == (500, "server_failed")
    assert "too large" in answer["error"]["message"]


def test_without_a_server_nothing_is_taken_in(tmp_path, server, speech):
    server.healthy = False
    with running_service(tmp_path, [server]) as service:
        assert service.get("/health")[2]["error"]["code"] == "no_server"
        status, headers, answer = service.post(("file", "a.wav", speech))
        assert (status, answer["error"]["code"], headers["Retry-After"]) == (503, "no_server", "7")
        assert service.decoder.started == 0
        server.healthy = True
        wait_for(lambda: service.get("/health")[0] == 200)
        assert service.post(("file", "a.wav", speech))[0] == 200


def test_a_server_that_is_gone_is_passed_over(tmp_path, server, speech):
    """Nothing was sent to it, so another one may have the request."""
    second = StubServer()
    with running_service(tmp_path, [second, server]) as service:
        second.close()
        assert [service.post(("file", "a.wav", speech))[0] for _request in range(2)] == [200, 200]
    assert len(server.requests) == 2


def test_the_list_of_servers_is_read_again_when_it_changed(tmp_path, server, speech):
    second = StubServer()
    with running_service(tmp_path, [server]) as service:
        urls = [{"url": f"http://127.0.0.1:{second.port}/v1/audio/transcriptions"}]
        service.servers_file.write_text(json.dumps({"servers": urls}), encoding="utf-8")
        wait_for(lambda: service.post(("file", "a.wav", speech))[0] == 200 and second.requests)
        asked = len(server.requests)
        service.servers_file.write_text("no JSON", encoding="utf-8")
        time.sleep(3)
        assert service.post(("file", "a.wav", speech))[0] == 200
        assert len(server.requests) == asked
    second.close()


def test_without_a_decoder_the_client_may_try_again(tmp_path, server, speech):
    with running_service(tmp_path, [server]) as service:
        service.decoder.close()
        status, headers, answer = service.post(("file", "a.wav", speech))
    assert (status, answer["error"]["code"], headers["Retry-After"]) == (503, "decoder_unavailable", "7")


def test_undecodable_uploads_leave_no_file_and_no_memory(service):
    junk = ("file", "a.mp3", b"\xff\xfb" + bytes(200_000))
    # What is allocated once.
    for _try in range(20):
        assert service.post(junk)[0] == 400
    memory, files = service.memory_kib(), service.open_files()
    for _try in range(100):
        assert service.post(junk)[0] == 400
    wait_for(lambda: not list(service.spool.iterdir()))
    # A check of the server's health has one open now and then.
    wait_for(lambda: service.open_files() <= files)
    # 100 uploads that stayed would be 20,000.
    assert service.memory_kib() - memory < 4_000
    assert service.server.requests == []


@pytest.fixture
def queue(server, tmp_path):
    """A gateway's queue of two servers behind the service."""
    server.health = b'{"status": "ok", "servers": 2}'
    url = f"http://127.0.0.1:{server.port}/v1/audio/transcriptions"
    with running_service(tmp_path, [], server=server, queue_url=url) as service:
        yield service


def test_a_queue_has_one_request_for_each_of_its_servers(queue, speech):
    queue.server.go.clear()
    asked = [later(lambda: queue.post(("file", "a.wav", speech))) for _request in range(3)]
    wait_for(lambda: queue.server.running == 2 and queue.decoder.started == 3)
    time.sleep(0.5)
    assert queue.server.running == 2
    queue.server.go.set()
    assert [wait()[0] for wait in asked] == [200, 200, 200]
    assert queue.server.most_running == 2


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (503, "no_server_in_time", (503, "no_server_in_time", "7")),
        (502, "server_lost", (502, "server_lost", None)),
        # Of the server itself nothing is passed on.
        (400, "bad_request", (500, "server_failed", None)),
    ],
)
def test_what_a_queue_says_of_its_servers_reaches_the_client(queue, speech, status, code, expected):
    body = {"error": {"message": "As it says.", "type": "server_error", "param": None, "code": code}}
    queue.server.reply = (status, json.dumps(body).encode())
    found, headers, answer = queue.post(("file", "a.wav", speech))
    assert (found, answer["error"]["code"], headers.get("Retry-After")) == expected


def test_a_queue_that_does_not_say_how_many_servers_it_has_is_not_used(queue, speech):
    queue.server.health = b'{"status": "ok"}'
    wait_for(lambda: queue.get("/health")[0] == 503)
    assert queue.post(("file", "a.wav", speech))[2]["error"]["code"] == "no_server"
