"""What Prometheus gets of the service, at an address that clients do not have."""

from __future__ import annotations

import http.client
import re
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from api_host import PROGRAMS, form, running_service, wait_for  # beside this file

sys.path.insert(0, str(PROGRAMS))
from whisper_api.metrics import METRICS


@pytest.fixture
def watched(tmp_path, server):
    with running_service(tmp_path, [server], queue_length=3) as service:
        yield service


def scraped(service):
    connection = http.client.HTTPConnection("127.0.0.1", service.metrics_port, timeout=10)
    connection.request("GET", "/metrics")
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE)) == set(METRICS)
    return {name: float(value) for name, value in re.findall(r"^(\w\S*) (\S+)$", text, re.MULTILINE)}


def test_requests_that_wait_are_counted_and_how_long(watched, speech):
    assert scraped(watched) == {
        "whisper_api_servers": 1,
        "whisper_api_requests": 0,
        "whisper_api_waiting": 0,
        "whisper_api_waiting_seconds": 0,
        "whisper_api_waited_seconds_total": 0,
    }
    watched.server.go.clear()
    clients = [threading.Thread(target=watched.post, args=[("file", "a.wav", speech)]) for _client in range(3)]
    for client in clients:
        client.start()
    wait_for(lambda: scraped(watched)["whisper_api_waiting"] == 2)
    time.sleep(1)
    found = scraped(watched)
    assert (found["whisper_api_servers"], found["whisper_api_requests"]) == (1, 3)
    assert 1 <= found["whisper_api_waiting_seconds"] < 60
    watched.server.go.set()
    for client in clients:
        client.join(30)
    found = scraped(watched)
    assert (found["whisper_api_requests"], found["whisper_api_waiting"], found["whisper_api_waiting_seconds"]) == (
        0,
        0,
        0,
    )
    assert 2 <= found["whisper_api_waited_seconds_total"] < 120
    assert found['whisper_api_answers_total{status="200"}'] == 3


def test_answers_are_counted_by_their_status(watched, speech):
    watched.post(("file", "a.wav", b""))
    watched.post(("file", "a.wav", speech), ("model", "gpt-9"))
    watched.server.reply = (500, b"stoi")
    watched.post(("file", "a.wav", speech))
    connection = http.client.HTTPConnection("127.0.0.1", watched.port)
    body = form(("file", "a.wav", speech))
    headers = {"Content-Type": "multipart/form-data; boundary=limit", "Content-Length": str(len(body))}
    connection.request("POST", "/v1/audio/transcriptions", body[:100], headers)
    connection.close()
    expected = {f'whisper_api_answers_total{{status="{status}"}}': 1.0 for status in (400, 404, 499, 500)}
    wait_for(lambda: {name: value for name, value in scraped(watched).items() if "answers" in name} == expected)


def test_clients_do_not_reach_the_metrics(watched):
    assert watched.get("/metrics")[2]["error"]["code"] == "not_found"
