"""Servers with models of their own: the model of a request chooses among them, directly and by a gateway's queue."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from api_host import StubServer, running_service, wait_for  # beside this file

MODELS = ["base.en", "tiny", "tiny"]


@pytest.fixture(scope="module")
def stubs():
    made = [StubServer() for _model in MODELS]
    yield made
    for stub in made:
        stub.close()


@pytest.fixture(scope="module")
def served(stubs, tmp_path_factory):
    # An alias takes no model's own name.
    aliases = {"model_aliases": ["whisper-1", "tiny"], "alias_models": {"fast": "tiny", "gone": "large-v3"}}
    directory = tmp_path_factory.mktemp("several")
    with running_service(directory, stubs, models=MODELS, **aliases) as service:
        yield service


@pytest.fixture
def service(served, stubs):
    for stub in stubs:
        stub.reset()
    wait_for(lambda: served.get("/health")[0] == 200)
    return served


def counts(stubs):
    return [len(stub.requests) for stub in stubs]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (None, [1, 0, 0]),
        ("base.en", [1, 0, 0]),
        ("whisper-1", [1, 0, 0]),
        ("tiny", [0, 1, 0]),
        ("fast", [0, 1, 0]),
    ],
)
def test_a_request_goes_to_a_server_of_its_model(service, stubs, speech, model, expected):
    named = [("model", model)] if model else []
    assert service.post(*named, ("file", "a.wav", speech))[0] == 200
    assert counts(stubs) == expected


def test_all_models_are_listed_with_their_other_names(service):
    listed = service.get("/v1/models")[2]["data"]
    assert [one["id"] for one in listed] == ["base.en", "tiny", "whisper-1", "fast"]
    assert service.get("/v1/models/fast")[0] == 200


@pytest.mark.parametrize("model", ["large-v3", "gone", ""])
def test_an_unknown_model_is_refused_with_the_list(service, stubs, speech, model):
    status, _headers, answer = service.post(("model", model), ("file", "a.wav", speech))
    assert (status, answer["error"]["code"]) == (404, "model_not_found")
    assert "base.en, tiny, whisper-1, fast" in answer["error"]["message"]
    assert counts(stubs) == [0, 0, 0]


def test_a_busy_model_holds_no_request_of_another(service, stubs, speech):
    stubs[0].go.clear()
    answers = []
    waiting = [
        threading.Thread(target=lambda: answers.append(service.post(("file", "a.wav", speech))[0])) for _one in range(2)
    ]
    for one in waiting:
        one.start()
    wait_for(lambda: stubs[0].running == 1)
    assert service.post(("model", "tiny"), ("file", "a.wav", speech))[0] == 200
    assert (counts(stubs)[0], answers) == (1, [])
    stubs[0].go.set()
    for one in waiting:
        one.join(30)
    assert (answers, stubs[0].most_running) == ([200, 200], 1)


def test_two_servers_of_a_model_share_its_requests(service, stubs, speech):
    for stub in stubs:
        stub.go.clear()
    waiting = [
        threading.Thread(target=lambda: service.post(("model", "tiny"), ("file", "a.wav", speech))) for _one in range(2)
    ]
    for one in waiting:
        one.start()
    wait_for(lambda: counts(stubs) == [0, 1, 1])
    for stub in stubs:
        stub.go.set()
    for one in waiting:
        one.join(30)


def test_a_model_of_which_every_server_is_down_gets_503_and_the_other_is_served(service, stubs, speech):
    stubs[0].healthy = False
    asked = ("file", "a.wav", speech)
    wait_for(lambda: service.post(("model", "base.en"), asked)[0] == 503)
    status, headers, answer = service.post(("model", "whisper-1"), asked)
    assert (status, answer["error"]["code"], headers["Retry-After"]) == (503, "no_server", "7")
    assert service.post(("model", "tiny"), asked)[0] == 200
    assert service.get("/health")[0] == 200


@pytest.fixture
def queue(server, tmp_path):
    server.health = b'{"status": "ok", "servers": 3, "models": {"base.en": 1, "tiny": 2 }}'
    url = f"http://127.0.0.1:{server.port}/v1/audio/transcriptions"
    with running_service(tmp_path, [], server=server, queue_url=url, alias_models={"fast": "tiny"}) as service:
        wait_for(lambda: len(service.get("/v1/models")[2]["data"]) == 4)
        yield service


def test_the_queue_of_a_gateway_says_which_models_there_are_and_hears_which_is_wanted(queue, speech):
    assert {one["id"] for one in queue.get("/v1/models")[2]["data"]} == {"base.en", "tiny", "whisper-1", "fast"}
    for model in ("fast", "whisper-1", "tiny"):
        assert queue.post(("model", model), ("file", "a.wav", speech))[0] == 200
    assert queue.server.asked_for == ["tiny", "base.en", "tiny"]
    assert queue.post(("model", "small"), ("file", "a.wav", speech))[0] == 404


def test_a_queue_without_a_server_of_a_model_is_not_asked_for_it(queue, speech):
    queue.server.health = b'{"status": "ok", "servers": 1, "models": {"base.en": 1, "tiny": 0}}'
    wait_for(lambda: queue.post(("model", "tiny"), ("file", "a.wav", speech))[0] == 503)
    before = len(queue.server.asked_for)
    assert queue.post(("model", "tiny"), ("file", "a.wav", speech))[2]["error"]["code"] == "no_server"
    assert queue.post(("model", "base.en"), ("file", "a.wav", speech))[0] == 200
    assert queue.server.asked_for[before:] == ["base.en"]


def test_to_a_single_model_no_header_is_sent(server, tmp_path, speech):
    server.health = json.dumps({"status": "ok", "servers": 1}).encode()
    url = f"http://127.0.0.1:{server.port}/v1/audio/transcriptions"
    with running_service(tmp_path, [], server=server, queue_url=url) as service:
        wait_for(lambda: service.get("/health")[0] == 200)
        assert service.post(("file", "a.wav", speech))[0] == 200
    assert server.asked_for == [None]
