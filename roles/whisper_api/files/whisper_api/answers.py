# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each format of OpenAI's API, made of whisper-server's `verbose_json`."""

from __future__ import annotations

import json
import zlib
from typing import Any, Iterator, Mapping, NamedTuple, Sequence

from . import languages
from .parameters import Parameters

Result = Mapping[str, Any]


class Answer(NamedTuple):
    content_type: str
    text: str


class AnswerError(ValueError):
    """What the server sent is no transcription."""


class Transcript(NamedTuple):
    """Of the audio or a part of it, with the times of the whole."""

    language: str
    segments: list[dict[str, Any]]

    @property
    def text(self) -> str:
        """The segments' own texts, which have a space where a word begins: whisper-server's text has a line for each,
        and one that ends in the middle of a word makes two of it."""
        return "".join(segment["text"] for segment in self.segments)


def transcript(result: Result, seconds: float, start: float = 0.0) -> Transcript:
    """`result` is what the server said of `seconds` of audio, which begin `start` seconds after the whole does."""
    try:
        segments = [_checked(segment, seconds, start) for segment in result.get("segments") or []]
        language = str(result.get("language") or "")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AnswerError(repr(error)) from error
    if start and _spaced(language):
        _begin_with_a_word(segments)
    return Transcript(language, segments)


def _begin_with_a_word(segments: list[dict[str, Any]]) -> None:
    """Audio is cut in a pause: what is said after it is no rest of the word before."""
    for segment in segments:
        if segment["text"].strip():
            segment["text"] = " " + segment["text"].lstrip()
            break
    for token in (token for segment in segments for token in segment["words"]):
        token["word"] = " " + token["word"].lstrip()
        if token["word"].strip():
            break


def joined(parts: Sequence[Transcript]) -> Transcript:
    """The language is that of the first."""
    return Transcript(parts[0].language, [segment for part in parts for segment in part.segments])


def answer(spoken: Transcript, seconds: float, wanted: Parameters) -> Answer:
    """The whole of `seconds` of audio."""
    text = spoken.text.strip()
    if wanted.response_format == "text":
        return Answer("text/plain", f"{text}\n")
    if wanted.response_format == "srt":
        return Answer("application/x-subrip", "".join(_srt(spoken.segments)))
    if wanted.response_format == "vtt":
        return Answer("text/vtt", "WEBVTT\n\n" + "".join(_vtt(spoken.segments)))
    usage = {"type": "duration", "seconds": round(seconds, 2)}
    if wanted.response_format == "json":
        return Answer("application/json", json.dumps({"text": text, "usage": usage}, ensure_ascii=False))
    verbose: dict[str, Any] = {
        "task": "translate" if wanted.translate else "transcribe",
        "language": _language(spoken, wanted),
        "duration": round(seconds, 2),
        "text": text,
        "usage": usage,
        **timed(spoken, wanted),
    }
    return Answer("application/json", json.dumps(verbose, ensure_ascii=False))


def timed(spoken: Transcript, wanted: Parameters, first: int = 0) -> dict[str, Any]:
    """What verbose_json has next to the text. `first` is the number of its first segment."""
    found: dict[str, Any] = {}
    if wanted.response_format == "verbose_json" and wanted.words:
        found["words"] = words(spoken.segments, _language(spoken, wanted))
    if wanted.response_format == "verbose_json" and wanted.segments:
        found["segments"] = [_segment(number, segment) for number, segment in enumerate(spoken.segments, start=first)]
    return found


def _language(spoken: Transcript, wanted: Parameters) -> str:
    # Whatever is spoken, a translation is in English.
    return "english" if wanted.translate else spoken.language


def _spaced(language: str) -> bool:
    return languages.code_of(language) not in languages.UNSPACED


def words(segments: list[dict[str, Any]], language: str) -> list[dict[str, Any]]:
    """Whole words. whisper-server's `words` are tokens, of which one that begins with a space begins a word."""
    spaced = _spaced(language)
    found: list[dict[str, Any]] = []
    for token in (token for segment in segments for token in segment["words"]):
        text = token["word"]
        if found and spaced and not text.startswith(" "):
            found[-1]["word"] += text
            found[-1]["end"] = token["end"]
        elif text.strip():
            found.append({"word": text.strip(), "start": token["start"], "end": token["end"]})
    return found


def _checked(segment: Mapping[str, Any], seconds: float, start: float) -> dict[str, Any]:
    tokens = segment.get("words") or []
    if not all(isinstance(text, str) for text in (segment["text"], *(token["word"] for token in tokens))):
        raise TypeError("a text")
    return {**_within(segment, seconds, start), "words": [_within(token, seconds, start) for token in tokens]}


def _within(timed: Mapping[str, Any], seconds: float, start: float) -> dict[str, Any]:
    """With its times within the audio: the window of the model ends after it, and a model can be wrong."""
    times = {key: round(start + min(max(float(timed.get(key, 0)), 0.0), seconds), 2) for key in ("start", "end")}
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
