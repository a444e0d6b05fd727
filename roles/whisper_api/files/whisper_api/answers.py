# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each format of OpenAI's API, made of whisper-server's `verbose_json`."""

from __future__ import annotations

import json
import zlib
from typing import Any, Iterator, Mapping, NamedTuple

from . import languages
from .parameters import Parameters

Result = Mapping[str, Any]


class Answer(NamedTuple):
    content_type: str
    text: str


class AnswerError(ValueError):
    """What the server sent is no transcription."""


def answer(result: Result, seconds: float, wanted: Parameters) -> Answer:
    """`result` is what the server said of `seconds` of audio."""
    try:
        segments = [_checked(segment, seconds) for segment in result.get("segments") or []]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AnswerError(repr(error)) from error
    # The segments' own texts, which have a space where a word begins: whisper-server's text has a line for each, and
    # one that ends in the middle of a word makes two of it.
    text = "".join(segment["text"] for segment in segments).strip()
    if wanted.stream:
        return Answer("text/event-stream", "".join(_events(segments, text)))
    if wanted.response_format == "text":
        return Answer("text/plain", f"{text}\n")
    if wanted.response_format == "srt":
        return Answer("application/x-subrip", "".join(_srt(segments)))
    if wanted.response_format == "vtt":
        return Answer("text/vtt", "WEBVTT\n\n" + "".join(_vtt(segments)))
    usage = {"type": "duration", "seconds": round(seconds, 2)}
    if wanted.response_format == "json":
        return Answer("application/json", json.dumps({"text": text, "usage": usage}, ensure_ascii=False))
    language = result.get("language") or ""
    verbose: dict[str, Any] = {
        "task": "translate" if wanted.translate else "transcribe",
        # Whatever is spoken, a translation is in English.
        "language": "english" if wanted.translate else language,
        "duration": round(seconds, 2),
        "text": text,
        "usage": usage,
    }
    if wanted.words:
        verbose["words"] = words(segments, str(verbose["language"]))
    if wanted.segments:
        verbose["segments"] = [_segment(number, segment) for number, segment in enumerate(segments)]
    return Answer("application/json", json.dumps(verbose, ensure_ascii=False))


def words(segments: list[dict[str, Any]], language: str) -> list[dict[str, Any]]:
    """Whole words. whisper-server's `words` are tokens, of which one that begins with a space begins a word."""
    spaced = languages.code_of(language) not in languages.UNSPACED
    found: list[dict[str, Any]] = []
    for token in (token for segment in segments for token in segment["words"]):
        text = token["word"]
        if found and spaced and not text.startswith(" "):
            found[-1]["word"] += text
            found[-1]["end"] = token["end"]
        elif text.strip():
            found.append({"word": text.strip(), "start": token["start"], "end": token["end"]})
    return found


def _checked(segment: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    tokens = segment.get("words") or []
    if not all(isinstance(text, str) for text in (segment["text"], *(token["word"] for token in tokens))):
        raise TypeError("a text")
    return {**_within(segment, seconds), "words": [_within(token, seconds) for token in tokens]}


def _within(timed: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """With its times within the audio: the window of the model ends after it, and a model can be wrong."""
    times = {key: round(min(max(float(timed.get(key, 0)), 0.0), seconds), 2) for key in ("start", "end")}
    return {**timed, **times}


def _segment(number: int, segment: Mapping[str, Any]) -> dict[str, Any]:
    raw = segment["text"].encode("utf-8", "replace")
    return {
        "id": number,
        # whisper-server does not say where the window of a segment began: the segment's own start, in frames of 10 ms.
        "seek": round(segment["start"] * 100),
        "start": segment["start"],
        "end": segment["end"],
        "text": segment["text"],
        "tokens": segment.get("tokens") or [],
        "temperature": segment.get("temperature", 0.0),
        "avg_logprob": segment.get("avg_logprob"),
        # As OpenAI's Whisper computes it.
        "compression_ratio": len(raw) / len(zlib.compress(raw)),
        "no_speech_prob": segment.get("no_speech_prob"),
    }


def _timestamp(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def _cue(segment: Mapping[str, Any], point: str) -> str:
    # An arrow would be taken for the next cue, and so would an empty line.
    line = " ".join(segment["text"].split()).replace("-->", "->")
    return f"{_timestamp(segment['start'], point)} --> {_timestamp(segment['end'], point)}\n{line}\n\n"


def _srt(segments: list[dict[str, Any]]) -> Iterator[str]:
    for number, segment in enumerate(segments, start=1):
        yield f"{number}\n{_cue(segment, ',')}"


def _vtt(segments: list[dict[str, Any]]) -> Iterator[str]:
    for segment in segments:
        yield _cue(segment, ".")


def _events(segments: list[dict[str, Any]], text: str) -> Iterator[str]:
    for number, segment in enumerate(segments):
        delta = segment["text"].lstrip() if number == 0 else segment["text"]
        yield f"data: {json.dumps({'type': 'transcript.text.delta', 'delta': delta})}\n\n"
    yield f"data: {json.dumps({'type': 'transcript.text.done', 'text': text})}\n\n"
