"""Each parameter that OpenAI documents, sent by OpenAI's own client: right, or refused by name."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import openai
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from api_host import RECORDED  # beside this file

TEXT = "deploy the server image on host seven"


@pytest.fixture
def client(service):
    with openai.OpenAI(base_url=service.url, api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture
def transcribe(client, speech):
    def send(**parameters):
        return client.audio.transcriptions.create(file=("speech.wav", speech), **{"model": "whisper-1", **parameters})

    return send


def recorded():
    return json.loads((RECORDED / "1.9.1-words.json").read_text(encoding="utf-8"))


def test_json_is_the_default(transcribe, seconds, service):
    answer = transcribe()
    assert answer.text == TEXT
    assert answer.usage.type == "duration"
    assert answer.usage.seconds == pytest.approx(seconds, abs=0.1)
    sent = {name: value.decode() for name, value in service.server.requests[0].items() if name != "file"}
    assert sent == {
        "response_format": "verbose_json",
        "no_language_probabilities": "true",
        "token_timestamps": "false",
    }


def test_text(transcribe):
    assert transcribe(response_format="text") == f"{TEXT}\n"


def test_srt(transcribe):
    (segment,) = recorded()["segments"]
    # Times of the smoke model that are outside of the audio become its start and its end.
    assert (segment["start"] < 0, segment["end"]) == (True, 30)
    assert transcribe(response_format="srt") == f"1\n00:00:00,000 --> 00:00:02,890\n{TEXT}\n\n"


def test_vtt(transcribe):
    assert transcribe(response_format="vtt") == f"WEBVTT\n\n00:00:00.000 --> 00:00:02.890\n{TEXT}\n\n"


@pytest.mark.parametrize(
    ("response_format", "content_type"),
    [
        ("json", "application/json; charset=utf-8"),
        ("verbose_json", "application/json; charset=utf-8"),
        ("text", "text/plain; charset=utf-8"),
        ("srt", "application/x-subrip; charset=utf-8"),
        ("vtt", "text/vtt; charset=utf-8"),
    ],
)
def test_each_format_has_its_content_type(service, speech, response_format, content_type):
    _status, headers, _answer = service.post(("file", "a.wav", speech), ("response_format", response_format))
    assert headers["Content-Type"] == content_type


def test_verbose_json_has_every_field_that_the_client_knows(transcribe, seconds):
    answer = transcribe(response_format="verbose_json")
    assert (answer.text, answer.language) == (TEXT, "english")
    assert answer.duration == pytest.approx(seconds, abs=0.1)
    assert answer.words is None
    (segment,) = answer.segments
    # Typed by the client, which refuses what is missing or of another type.
    type(segment).model_validate_json(segment.model_dump_json())
    assert set(segment.model_dump()) == set(type(segment).model_fields)
    (theirs,) = recorded()["segments"]
    assert segment.text == theirs["text"]
    assert segment.tokens == theirs["tokens"]
    assert segment.no_speech_prob == theirs["no_speech_prob"]
    assert segment.avg_logprob == theirs["avg_logprob"]
    assert 0 < segment.compression_ratio < 2.4


def test_words_are_whole_and_follow_one_another(transcribe):
    answer = transcribe(response_format="verbose_json", timestamp_granularities=["word"])
    assert [word.word for word in answer.words] == TEXT.split()
    assert answer.segments is None
    assert all(word.start <= word.end for word in answer.words)
    assert [word.start for word in answer.words] == sorted(word.start for word in answer.words)


def test_words_and_segments(transcribe, service):
    answer = transcribe(response_format="verbose_json", timestamp_granularities=["word", "segment"])
    assert (len(answer.words), len(answer.segments)) == (7, 1)
    assert "token_timestamps" not in service.server.requests[0]


@pytest.mark.parametrize(
    ("parameters", "sent"),
    [
        ({"language": "de"}, {"language": b"de"}),
        ({"language": "German"}, {"language": b"de"}),
        ({"language": "haitian creole"}, {"language": b"ht"}),
        ({"language": "auto"}, {"language": b"auto"}),
        ({"prompt": "Zürich, whisperops"}, {"prompt": "Zürich, whisperops".encode()}),
        ({"temperature": 0.4}, {"temperature": b"0.4"}),
        ({"temperature": 0}, {"temperature": b"0.0"}),
        ({"temperature": 1}, {"temperature": b"1.0"}),
        ({"chunking_strategy": "auto"}, {}),
        ({"stream": False}, {}),
    ],
)
def test_a_parameter_reaches_the_server(transcribe, parameters, sent, service):
    assert transcribe(**parameters).text == TEXT
    assert sent.items() <= service.server.requests[0].items()


def test_a_stream_has_each_segment_and_the_whole_text(transcribe):
    events = list(transcribe(stream=True))
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
    assert (events[0].delta, events[1].text) == (TEXT, TEXT)


def test_a_translation_asks_the_server_for_one(client, speech, service):
    answer = client.audio.translations.create(file=("speech.wav", speech), model="whisper-1")
    assert answer.text == TEXT
    assert service.server.requests[0]["translate"] == b"true"
    verbose = client.audio.translations.create(
        file=("speech.wav", speech), model="whisper-1", response_format="verbose_json", prompt="x", temperature=0.2
    )
    assert (verbose.language, verbose.text, len(verbose.segments)) == ("english", TEXT, 1)
    for response_format in ("text", "srt", "vtt"):
        answer = client.audio.translations.create(
            file=("a.wav", speech), model="whisper-1", response_format=response_format
        )
        assert TEXT in answer


@pytest.mark.parametrize(
    ("parameters", "code", "param"),
    [
        ({"response_format": "diarized_json"}, "invalid_value", "response_format"),
        ({"response_format": "xml"}, "invalid_value", "response_format"),
        ({"language": "xx"}, "unknown_language", "language"),
        ({"language": "en-US"}, "unknown_language", "language"),
        ({"temperature": "warm"}, "invalid_value", "temperature"),
        ({"temperature": 1.1}, "invalid_value", "temperature"),
        ({"temperature": -0.1}, "invalid_value", "temperature"),
        ({"temperature": "nan"}, "invalid_value", "temperature"),
        ({"temperature": "1e999"}, "invalid_value", "temperature"),
        ({"timestamp_granularities": ["word"]}, "invalid_value", "timestamp_granularities[]"),
        (
            {"timestamp_granularities": ["letter"], "response_format": "verbose_json"},
            "invalid_value",
            "timestamp_granularities[]",
        ),
        ({"stream": True, "response_format": "srt"}, "unsupported_parameter", "stream"),
        ({"include": ["logprobs"]}, "unsupported_parameter", "include"),
        ({"keywords": ["x"]}, "unsupported_parameter", "keywords"),
        ({"languages": ["de", "en"]}, "unsupported_parameter", "languages"),
        ({"known_speaker_names": ["x"]}, "unsupported_parameter", "known_speaker_names"),
        ({"known_speaker_references": ["data:,"]}, "unsupported_parameter", "known_speaker_references"),
        ({"chunking_strategy": {"type": "server_vad"}}, "unsupported_parameter", "chunking_strategy"),
        ({"extra_body": {"beam_size": "5"}}, "unknown_parameter", "beam_size"),
        ({"prompt": "x" * 70_000}, "invalid_value", "prompt"),
    ],
)
def test_a_parameter_is_refused_by_name(transcribe, parameters, code, param, service):
    with pytest.raises(openai.BadRequestError) as refused:
        transcribe(**parameters)
    assert (refused.value.code, refused.value.param, refused.value.type) == (code, param, "invalid_request_error")
    assert service.server.requests == []


def test_every_documented_parameter_is_in_a_test_above():
    documented = openai.types.audio.transcription_create_params.TranscriptionCreateParamsBase.__annotations__
    with open(__file__, encoding="utf-8") as source:
        text = source.read()
    assert [name for name in documented if f'"{name}":' not in text and f"{name}=" not in text] == []


def test_models_are_the_plans_and_its_aliases(client):
    assert [model.id for model in client.models.list()] == ["base.en", "whisper-1"]
    assert client.models.retrieve("whisper-1").object == "model"


def test_an_unknown_model_is_refused_with_the_list(client, transcribe, service):
    for ask in (lambda: client.models.retrieve("gpt-9"), lambda: transcribe(model="gpt-9")):
        with pytest.raises(openai.NotFoundError) as refused:
            ask()
        assert refused.value.code == "model_not_found"
        assert "base.en, whisper-1" in str(refused.value)
    assert service.server.requests == []


def test_the_model_itself_can_be_named_or_left_out(service, speech, transcribe):
    assert transcribe(model="base.en").text == TEXT
    assert service.post(("file", "a.wav", speech))[0] == 200


def test_the_documentation_has_each_parameter():
    documented = openai.types.audio.transcription_create_params.TranscriptionCreateParamsBase.__annotations__
    table = (RECORDED.parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
    assert [name for name in [*documented, "stream"] if f"| `{name}" not in table] == []
