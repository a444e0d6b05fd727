# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request asks for: each field that OpenAI's API documents is right, or refused by name."""

from __future__ import annotations

import math
from typing import Callable, NamedTuple, Sequence, Tuple

from . import languages
from .refusal import RefusalError, invalid

Fields = Sequence[Tuple[str, str]]

FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
WITHOUT_TIMES = ("json", "text")
STREAMED = ("json", "text", "verbose_json")
GRANULARITIES = ("word", "segment")
# Documented by OpenAI for other models than Whisper. What they ask for, whisper.cpp does not do.
UNSUPPORTED = ("include", "keywords", "known_speaker_names", "known_speaker_references", "languages")


class Parameters(NamedTuple):
    translate: bool
    response_format: str = "json"
    words: bool = False
    segments: bool = True
    language: str | None = None
    prompt: str | None = None
    temperature: float | None = None
    stream: bool = False

    def for_the_server(self) -> dict[str, str]:
        """The fields that whisper-server gets next to the audio. Its longest format holds all the others."""
        # Without them verbose_json costs one more encoding, to detect the language again.
        fields = {"response_format": "verbose_json", "no_language_probabilities": "true"}
        if self.response_format in WITHOUT_TIMES:
            # Nobody sees a timestamp. whisper.cpp 1.8.4 to 1.9.3 would cut each segment at 60 characters, too.
            fields["token_timestamps"] = "false"
        if self.translate:
            fields["translate"] = "true"
        if self.language is not None:
            fields["language"] = self.language
        if self.prompt:
            fields["prompt"] = self.prompt
        if self.temperature is not None:
            fields["temperature"] = str(self.temperature)
        return fields


def parameters(fields: Fields, translate: bool, models: Sequence[str]) -> Parameters:
    granularities: list[str] = []
    single: dict[str, str] = {}
    for name, value in fields:
        base = name.partition("[")[0]
        if base in UNSUPPORTED or (base == "chunking_strategy" and (name != base or value != "auto")):
            raise invalid("unsupported_parameter", f"{base} is not supported: whisper.cpp cannot do it.", base)
        if base == "timestamp_granularities" and name in (base, f"{base}[]"):
            granularities.append(value)
        elif name not in READERS:
            known = ", ".join(sorted([*READERS, "file", "timestamp_granularities[]"]))
            raise invalid("unknown_parameter", f"There is no parameter {name[:100]!r}. There are: {known}.", name[:100])
        elif name in single:
            raise invalid("repeated_parameter", f"{name} is there more than once.", name)
        else:
            single[name] = value
    check_model(single.pop("model", None), models)
    read = {name: READERS[name](value) for name, value in single.items() if name != "chunking_strategy"}
    wanted = Parameters(translate=translate, **read)  # type: ignore[arg-type]
    if wanted.stream and wanted.response_format not in STREAMED:
        raise invalid("unsupported_parameter", f"stream needs response_format {' or '.join(STREAMED)}.", "stream")
    return _with_granularities(wanted, granularities)


def check_model(name: str | None, models: Sequence[str]) -> None:
    """Nobody has to name one. Who names one gets it, or learns which there are."""
    if name is not None and name not in models:
        message = f"The model {name[:100]!r} does not exist. There are: {', '.join(models)}."
        raise RefusalError(404, "model_not_found", message, "model")


def _with_granularities(wanted: Parameters, granularities: Sequence[str]) -> Parameters:
    param = "timestamp_granularities[]"
    if not granularities:
        return wanted
    unknown = [value for value in granularities if value not in GRANULARITIES]
    if unknown:
        raise invalid("invalid_value", f"{param} is {' or '.join(GRANULARITIES)}, not {unknown[0][:100]!r}.", param)
    if wanted.response_format != "verbose_json":
        raise invalid("invalid_value", f"{param} needs response_format verbose_json.", param)
    return wanted._replace(words="word" in granularities, segments="segment" in granularities)


def _language(value: str) -> str | None:
    if not value.strip():
        return None
    code = languages.code_of(value)
    if code is None:
        message = f"{value[:100]!r} is no language of Whisper. Write its ISO code, such as en, or its English name."
        raise invalid("unknown_language", message, "language")
    return code


def _temperature(value: str) -> float | None:
    if not value.strip():
        return None
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    # Which is false for what is no number, too.
    if not 0 <= number <= 1:
        raise invalid("invalid_value", f"temperature is a number from 0 to 1, not {value[:100]!r}.", "temperature")
    return number


def _response_format(value: str) -> str:
    if value not in FORMATS:
        message = f"response_format is one of {', '.join(FORMATS)}, not {value[:100]!r}."
        raise invalid("invalid_value", message, "response_format")
    return value


def _stream(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise invalid("invalid_value", f"stream is true or false, not {value[:100]!r}.", "stream")
    return value.lower() == "true"


READERS: dict[str, Callable[[str], object]] = {
    "chunking_strategy": str,
    "language": _language,
    "model": str,
    "prompt": str,
    "response_format": _response_format,
    "stream": _stream,
    "temperature": _temperature,
}
