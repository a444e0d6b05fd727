"""What becomes of the segments and tokens of whisper-server in each form of answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[4] / "roles" / "whisper_api" / "files"))
from whisper_api.answers import answer, joined, transcript
from whisper_api.parameters import Parameters


def token(word, start, end):
    return {"word": word, "start": start, "end": end, "probability": 0.9}


def segment(text, start, end, *tokens):
    return {"text": text, "start": start, "end": end, "tokens": [1], "words": list(tokens), "temperature": 0.0}


def rendered(spoken, seconds=4000.0, language="english", **wanted):
    said = transcript({"language": language, "segments": spoken}, seconds)
    return answer(said, seconds, Parameters(translate=False, **wanted)).text


TWO = [segment(" It costs", 0, 1.5), segment(" 3 --> 4\n\n euros.", 3599.999, 3661.01)]


def test_cues_are_numbered_and_timed_past_an_hour():
    assert rendered(TWO, response_format="srt") == (
        "1\n00:00:00,000 --> 00:00:01,500\nIt costs\n\n2\n01:00:00,000 --> 01:01:01,010\n3 -> 4 euros.\n\n"
    )
    assert rendered(TWO, response_format="vtt").splitlines()[5:7] == ["01:00:00.000 --> 01:01:01.010", "3 -> 4 euros."]


def test_a_word_that_was_cut_at_the_end_of_a_segment_is_one_in_the_text():
    """As whisper.cpp 1.8.4 to 1.9.3 cuts at 60 characters."""
    cut = [segment(" a trans", 0, 1), segment("cript of it", 1, 2)]
    assert rendered(cut, response_format="text") == "a transcript of it\n"
    assert json.loads(rendered(cut))["text"] == "a transcript of it"


def words(segments, **options):
    verbose = json.loads(rendered(segments, response_format="verbose_json", words=True, segments=False, **options))
    return [(word["word"], word["start"], word["end"]) for word in verbose["words"]]


def test_tokens_become_words_also_across_segments():
    tokens = [token(" a", 0, 0.2), token(" trans", 0.2, 0.5)], [token("cript", 0.5, 0.9), token(".", 0.9, 1)]
    cut = [segment(" a trans", 0, 1, *tokens[0]), segment("cript.", 1, 2, *tokens[1])]
    assert words(cut) == [("a", 0, 0.2), ("transcript.", 0.2, 1)]


def test_in_a_language_without_spaces_each_token_is_a_word():
    spoken = [segment("今日は", 0, 1, token("今日", 0, 0.5), token("は", 0.5, 1))]
    assert words(spoken, language="japanese") == [("今日", 0, 0.5), ("は", 0.5, 1)]


def test_times_outside_of_the_audio_become_its_ends():
    assert rendered([segment(" x", -5, 30)], seconds=2.5, response_format="srt").splitlines()[1] == (
        "00:00:00,000 --> 00:00:02,500"
    )


@pytest.mark.parametrize("response_format", ["json", "text", "srt", "vtt", "verbose_json"])
def test_silence_is_an_empty_answer(response_format):
    text = rendered([], response_format=response_format)
    assert json.loads(text)["text"] == "" if text.startswith("{") else text.strip() in ("", "WEBVTT")


def test_a_translation_is_in_english():
    verbose = answer(transcript({"language": "german"}, 1), 1, Parameters(True, "verbose_json")).text
    assert (json.loads(verbose)["task"], json.loads(verbose)["language"]) == ("translate", "english")


def parts(language, *spoken):
    """Of ten seconds each."""
    found = [
        transcript({"language": language, "segments": one}, 10, 10.0 * number) for number, one in enumerate(spoken)
    ]
    wanted = Parameters(False, "verbose_json", words=True)
    return json.loads(answer(joined(found), 10.0 * len(spoken), wanted).text)


def test_a_part_has_the_times_of_the_whole_and_begins_with_a_word():
    first = segment(" a trans", 0, 10, token(" a", 0, 1), token(" trans", 1, 10))
    # The window of the model ends after the part does.
    second = segment("cript", 0, 30, token("", 0, 0), token("cript", 0, 2))
    verbose = parts("english", [first], [], [second])
    assert verbose["text"] == "a trans cript"
    assert [(one["id"], one["start"], one["end"], one["seek"]) for one in verbose["segments"]] == [
        (0, 0, 10, 0),
        (1, 20, 30, 2000),
    ]
    assert [(word["word"], word["start"], word["end"]) for word in verbose["words"]] == [
        ("a", 0, 1),
        ("trans", 1, 10),
        ("cript", 20, 22),
    ]


def test_a_seam_adds_no_space_in_a_language_without():
    said = [segment("今日", 0, 1, token("今日", 0, 1))]
    assert parts("japanese", said, said)["text"] == "今日今日"
