"""Long audio goes to the servers in parts, and its text is one again."""

from __future__ import annotations

import io
import itertools
import json
import random
import socket
import struct
import sys
import threading
import time
import wave
from pathlib import Path

import openai
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from api_host import PROGRAMS, StubServer, form, running_service, wait_for  # beside this file

sys.path.insert(0, str(PROGRAMS))
from whisper_api.audio import RATE, Audio
from whisper_api.parts import cuts

# Of ten seconds that are cut at about a third each, in the middle of these.
PAUSES = [(3.04, 3.36), (6.94, 7.26)]
SEAMS = [3.2, 7.1]
LENGTHS = [3.2, 3.9, 2.9]


def made(seconds, pauses=(), level=8000):
    """WAV with noise, and silence in the pauses."""
    noise = random.Random(14)
    samples = [noise.randint(-level, level) for _sample in range(round(seconds * RATE))]
    for start, end in pauses:
        samples[round(start * RATE) : round(end * RATE)] = [0] * round((end - start) * RATE)
    file = io.BytesIO()
    with wave.open(file, "wb") as target:
        target.setparams((1, 2, RATE, 0, "NONE", ""))
        target.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return file.getvalue()


@pytest.fixture(scope="module")
def long():
    return made(10, PAUSES)


def length(request):
    with wave.open(io.BytesIO(request["file"])) as file:
        return file.getnframes() / RATE


def telling(request):
    """Answers with the length of what was sent, as one word of the part's first second."""
    word = f" {length(request):.1f}"
    said = {"text": word, "start": 0.0, "end": 30.0, "tokens": [1], "words": [{"word": word, "start": 0, "end": 1}]}
    return 200, json.dumps({"language": "english", "segments": [said]}).encode()


# Where it is cut.


@pytest.fixture
def sound(tmp_path):
    def on_disk(data):
        path = tmp_path / "sound.wav"
        path.write_bytes(data)
        file = open(path, "rb")  # noqa: SIM115 - for as long as the test
        return Audio(file, (len(data) - 44) / 2 / RATE)

    return on_disk


def edges(parts):
    assert [end for _start, end in parts[:-1]] == [start for start, _end in parts[1:]]
    return [round(end / RATE, 2) for _start, end in parts]


def test_audio_is_cut_in_the_middle_of_pauses(sound, long):
    assert edges(cuts(sound(long), 4)) == [*(pytest.approx(seam, abs=0.03) for seam in SEAMS), 10]


@pytest.mark.parametrize(
    ("seconds", "longest", "expected"),
    [(10, 10, [10]), (10.5, 10, [5.25, 10.5]), (30, 10, [10, 20, 30]), (31, 10, [7.75, 15.5, 23.25, 31])],
)
def test_silence_is_cut_in_equal_shares(sound, seconds, longest, expected):
    assert edges(cuts(sound(made(seconds, level=0)), longest)) == [pytest.approx(edge, abs=0.02) for edge in expected]


def test_an_hour_has_parts_that_are_not_longer_than_asked_by_much():
    with open("/dev/zero", "rb") as silence:
        parts = cuts(Audio(silence, 3600.0), 600)
    assert len(parts) == 6
    assert max(end - start for start, end in parts) <= 630 * RATE


# What the client gets.


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A service with two servers that splits after four seconds."""
    servers = [StubServer(), StubServer()]
    with running_service(tmp_path_factory.mktemp("split"), servers, split_seconds=4) as service:
        service.servers = servers
        yield service
    for server in servers:
        server.close()


@pytest.fixture
def split(two):
    for server in two.servers:
        server.reset()
        server.reply = telling
    yield two
    for server in two.servers:
        server.go.set()
    wait_for(lambda: not any(server.running for server in two.servers))
    wait_for(lambda: not list(two.spool.iterdir()))


@pytest.fixture
def client(split):
    with openai.OpenAI(base_url=split.url, api_key="none", max_retries=0) as made_client:
        yield made_client


def asked(service):
    return [request for server in service.servers for request in server.requests]


def test_parts_are_one_text_with_the_times_of_the_whole(client, split, long):
    def send(**parameters):
        return client.audio.transcriptions.create(model="whisper-1", file=("a.wav", long), **parameters)

    text = " ".join(map(str, LENGTHS))
    assert send(prompt="Zürich").text == text
    assert sorted(length(request) for request in asked(split)) == pytest.approx(sorted(LENGTHS), abs=0.1)
    assert {request["prompt"].decode() for request in asked(split)} == {"Zürich"}
    assert send(response_format="text") == f"{text}\n"
    verbose = send(response_format="verbose_json", timestamp_granularities=["word", "segment"])
    assert (verbose.text, verbose.duration, verbose.language) == (text, 10, "english")
    starts = [0, *(pytest.approx(seam, abs=0.03) for seam in SEAMS)]
    assert [word.start for word in verbose.words] == starts
    assert [word.end for word in verbose.words] == [pytest.approx(word.start + 1, abs=0.011) for word in verbose.words]
    assert [(one.id, one.start) for one in verbose.segments] == list(enumerate(starts))
    # As far as the part is, and not as the window of the model.
    assert [one.end for one in verbose.segments] == [*starts[1:], 10]
    srt = send(response_format="srt").split("\n\n")
    assert [cue.split("\n")[0] for cue in srt[:3]] == ["1", "2", "3"]
    assert srt[2].split("\n")[1].startswith("00:00:07,")
    assert srt[2].split("\n")[1].endswith(" --> 00:00:10,000")
    assert send(response_format="vtt").startswith("WEBVTT\n\n00:00:00.000 --> 00:00:03.")


def test_audio_that_is_not_long_is_one_part(split):
    status, _headers, answer = split.post(("file", "a.wav", made(4)))
    assert (status, answer["text"], len(asked(split))) == (200, "4.0", 1)


def later(call):
    """Run it beside; its result is awaited with the second value."""
    results = []
    thread = threading.Thread(target=lambda: results.append(call()), daemon=True)
    thread.start()
    return lambda: (thread.join(60), results[0])[1]


def test_each_server_has_one_part_and_others_are_served_between(split, long):
    for server in split.servers:
        server.go.clear()
    first = later(lambda: split.post(("file", "a.wav", long)))
    wait_for(lambda: all(server.running for server in split.servers))
    second = later(lambda: split.post(("file", "a.wav", made(1))))
    # It is decoded and waits.
    time.sleep(0.7)
    split.servers[0].go.set()
    assert second()[2]["text"] == "1.0"
    assert split.servers[1].running == 1
    # The third part came after the request that waited.
    assert [round(length(request), 1) for request in split.servers[0].requests][1] == 1.0
    split.servers[1].go.set()
    assert first()[2]["text"] == " ".join(map(str, LENGTHS))
    assert [server.most_running for server in split.servers] == [1, 1]


def test_a_part_that_fails_fails_the_request_and_what_has_not_begun(split, long):
    held = threading.Event()

    def reply(request):
        if round(length(request), 1) == LENGTHS[1]:
            return 500, b"stoi"
        return (held.wait(20), telling(request))[1]

    for server in split.servers:
        server.reply = reply
    # While the first part still runs.
    status, _headers, answer = split.post(("file", "a.wav", long))
    held.set()
    assert (status, answer["error"]["code"]) == (500, "server_failed")
    time.sleep(1)
    assert len(asked(split)) == 2


def test_a_client_that_goes_away_ends_the_parts_that_have_not_begun(split, long):
    for server in split.servers:
        server.go.clear()
    body = form(("file", "a.wav", long))
    with socket.create_connection(("127.0.0.1", split.port)) as client:
        client.sendall(
            b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
            b"Content-Type: multipart/form-data; boundary=limit\r\n\r\n%s" % (len(body), body)
        )
        wait_for(lambda: all(server.running for server in split.servers))
    time.sleep(0.5)
    for server in split.servers:
        server.go.set()
    # The servers are free again.
    assert split.post(("file", "a.wav", made(1)))[2]["text"] == "1.0"
    assert len(asked(split)) == 3


def test_all_parts_together_have_the_time_of_one_request(tmp_path, server, long):
    server.reply = lambda request: (time.sleep(1.2), telling(request))[1]
    with running_service(tmp_path, [server], split_seconds=4, timeout_seconds=2) as service:
        status, _headers, answer = service.post(("file", "a.wav", long))
        assert (status, answer["error"]["code"]) == (504, "server_timeout")
        wait_for(lambda: not server.running)
        time.sleep(1)
    assert len(server.requests) == 2


def test_a_later_part_waits_longer_than_a_request_that_has_not_begun(tmp_path, server, long):
    server.reply = lambda request: (time.sleep(1.5), telling(request))[1]
    with running_service(tmp_path, [server], split_seconds=4, queue_seconds=1) as service:
        first = later(lambda: service.post(("file", "a.wav", long)))
        wait_for(lambda: server.running)
        assert service.post(("file", "a.wav", made(1)))[2]["error"]["code"] == "no_server_in_time"
        assert first()[0] == 200


def test_a_part_waits_for_a_server_as_long_as_another_part_has_one(tmp_path, server, long):
    other = StubServer()
    server.reply = lambda request: (time.sleep(1.5), telling(request))[1]
    try:
        with running_service(tmp_path, [other, server], split_seconds=4, queue_seconds=1) as service:
            other.go.clear()
            busy = later(lambda: service.post(("file", "a.wav", made(1))))
            wait_for(lambda: other.running)
            assert service.post(("file", "a.wav", long))[0] == 200
            other.go.set()
            assert busy()[0] == 200
    finally:
        other.close()


# While it is transcribed.


@pytest.fixture
def held(split):
    """Lets the parts with the named lengths wait."""
    events = {length: threading.Event() for length in LENGTHS}
    for server in split.servers:
        server.reply = lambda request: (events[round(length(request), 1)].wait(20), telling(request))[1]
    yield events
    for event in events.values():
        event.set()


def test_a_stream_has_each_part_in_order_as_it_is_done(client, held, long):
    held[LENGTHS[0]].set()
    events = iter(client.audio.transcriptions.create(model="whisper-1", file=("a.wav", long), stream=True))
    first = next(events)
    assert (first.type, first.delta) == ("transcript.text.delta", "3.2")
    # The third is done before the second.
    held[LENGTHS[2]].set()
    held[LENGTHS[1]].set()
    rest = list(events)
    assert [event.type for event in rest] == ["transcript.text.delta", "transcript.text.delta", "transcript.text.done"]
    assert first.delta + "".join(event.delta for event in rest[:-1]) == rest[-1].text == "3.2 3.9 2.9"


def test_a_stream_of_verbose_json_has_segments_and_words_with_each_part(client, split, long):
    wanted = {"response_format": "verbose_json", "timestamp_granularities": ["segment", "word"], "stream": True}
    *deltas, done = client.audio.transcriptions.create(model="whisper-1", file=("a.wav", long), **wanted)
    assert done.type == "transcript.text.done"
    segments = [segment for delta in deltas for segment in delta.segments]
    assert [(segment["id"], segment["text"]) for segment in segments] == [(0, " 3.2"), (1, " 3.9"), (2, " 2.9")]
    assert [word["start"] for delta in deltas for word in delta.words] == [segment["start"] for segment in segments]


def test_a_stream_that_fails_before_its_first_text_has_a_status(client, split, long):
    for server in split.servers:
        server.reply = (500, b"stoi")
    with pytest.raises(openai.InternalServerError) as failed:
        client.audio.transcriptions.create(model="whisper-1", file=("a.wav", long), stream=True)
    assert failed.value.code == "server_failed"


def test_a_stream_that_fails_later_raises_the_error_in_the_client(client, split, held, long):
    waiting = split.servers[0].reply
    for server in split.servers:
        server.reply = lambda request: waiting(request) if round(length(request), 1) != LENGTHS[2] else (500, b"stoi")
    held[LENGTHS[0]].set()
    events = iter(client.audio.transcriptions.create(model="whisper-1", file=("a.wav", long), stream=True))
    assert next(events).delta == "3.2"
    with pytest.raises(openai.APIError, match=r"could not transcribe it \(status 500\)") as failed:
        list(events)
    assert failed.value.code == "server_failed"


def test_a_client_that_leaves_a_stream_ends_the_parts_that_have_not_begun(client, split):
    # The first two are answered when both are there: else the third may overtake the first. The others are held.
    arrivals, first_two, held = itertools.count(), threading.Barrier(2), threading.Event()

    def reply(request):
        if next(arrivals) < 2:
            first_two.wait(20)
        else:
            held.wait(20)
        return telling(request)

    for server in split.servers:
        server.reply = reply
    # Five parts.
    events = client.audio.transcriptions.create(model="whisper-1", file=("a.wav", made(18, level=0)), stream=True)
    assert next(iter(events)).delta == "3.6"
    wait_for(lambda: len(asked(split)) == 4)
    events.close()
    time.sleep(0.5)
    held.set()
    assert split.post(("file", "a.wav", made(1)))[2]["text"] == "1.0"
    assert len(asked(split)) == 5
