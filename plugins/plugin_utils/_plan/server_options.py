# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator may tell whisper-server: variable, flag, type, range, and the whisper.cpp that first knew the flag.

Read in examples/server/server.cpp and src/whisper.cpp of 1.8.5 and 1.9.1; the first release of a flag in the history
of the former. An option that is not set has no flag, so that whisper.cpp's own default holds.

Flags that are not here, and why:

- ``--no-fallback`` and ``--tinydiarize``: the server of both releases reads them, and then answers as without them.
- ``--offset-t``, ``--offset-n``, ``--duration``, ``--detect-language``, ``--no-timestamps``: of one request; for all
  of them they would take away text or times. Temperature and its increment are fields of a request, and no flags.
- ``--host``, ``--port``, ``--model``, ``--device``, ``--no-gpu``, the paths: the plan's and the role's.
- ``--convert``, ``--tmp-dir``: the container has no ffmpeg and no directory to write to.
- ``--print-*``, ``--debug-mode``, ``--word-thold``, ``--ov-e-device``: for development, or for other builds.
"""

from __future__ import annotations

import math
from typing import Any, Mapping, NamedTuple

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem

from .models import VAD_MODELS
from .policy import PlanInputError

PREFIX = "whisper_server_"
# WHISPER_MAX_DECODERS: with more, each request fails.
_MOST_DECODERS = 8
# Half of the 448 tokens that a model takes as text; what is beyond is cut off.
_MOST_CONTEXT = 224
# Positions of the encoder for 30 s; with more, each request fails.
_MOST_AUDIO = 1500
# Of 32 tokens that all differ, ln 32. Above it each text of that length counts as failed.
_MOST_ENTROPY = 3.46
_MOST_INT = 2**31 - 1
# Ours: each is a thread with caches of its own, for each request.
_MOST_PROCESSORS = 64
# The server multiplies milliseconds by 16000 samples a second.
_MOST_MILLISECONDS = _MOST_INT // 16000


class Option(NamedTuple):
    name: str  # of the variable, without its prefix
    flag: str
    kind: type
    since: str
    least: float = 0
    most: float = _MOST_INT
    # Of a switch that is on without a flag.
    off: str = ""
    # What stands for "not set" where the variable has a default.
    unset: Any = None

    @property
    def variable(self) -> str:
        return PREFIX + self.name


def _vad(name: str, flag: str, kind: type, least: float, most: float) -> Option:
    return Option(f"vad_{name}", f"--vad-{flag}", kind, "1.7.6", least, most)


# In the order in which their flags stand on the command line.
OPTIONS = (
    Option("threads", "--threads", int, "1.5.1", unset=0),
    Option("processors", "--processors", int, "1.5.1", 1, _MOST_PROCESSORS),
    Option("translate", "--translate", bool, "1.5.1", unset=False),
    Option("prompt", "--prompt", str, "1.5.1", unset=""),
    Option("carry_initial_prompt", "--carry-initial-prompt", bool, "1.8.5", unset=False),
    Option("beam_size", "--beam-size", int, "1.5.1", 1, _MOST_DECODERS),
    Option("best_of", "--best-of", int, "1.5.1", 1, _MOST_DECODERS),
    Option("max_context", "--max-context", int, "1.5.1", 0, _MOST_CONTEXT),
    Option("audio_context", "--audio-ctx", int, "1.5.5", 1, _MOST_AUDIO),
    Option("max_length", "--max-len", int, "1.5.1", 1),
    Option("split_on_word", "--split-on-word", bool, "1.5.1", unset=False),
    Option("entropy_threshold", "--entropy-thold", float, "1.5.1", 0, _MOST_ENTROPY),
    Option("logprob_threshold", "--logprob-thold", float, "1.5.1", -100, 0),
    Option("no_speech_threshold", "--no-speech-thold", float, "1.7.4", 0, 1),
    Option("suppress_non_speech", "--suppress-nst", bool, "1.7.4", unset=False),
    Option("diarize", "--diarize", bool, "1.5.1", unset=False),
    Option("dtw", "--dtw", str, "1.5.5", unset=""),
    Option("flash_attention", "--flash-attn", bool, "1.8.0", off="--no-flash-attn"),
    Option("no_language_probabilities", "--no-language-probabilities", bool, "1.8.0", unset=False),
    Option("vad", "--vad", bool, "1.7.6", unset=False),
    Option("vad_model", "--vad-model", str, "1.7.6"),
    _vad("threshold", "threshold", float, 0, 1),
    _vad("min_speech_ms", "min-speech-duration-ms", int, 0, _MOST_MILLISECONDS),
    _vad("min_silence_ms", "min-silence-duration-ms", int, 0, _MOST_MILLISECONDS),
    _vad("max_speech_s", "max-speech-duration-s", float, 1, 100000),
    _vad("speech_pad_ms", "speech-pad-ms", int, 0, _MOST_MILLISECONDS),
    _vad("samples_overlap_s", "samples-overlap", float, 0, 30),
)
_BY_NAME = {option.name: option for option in OPTIONS}


def values(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are set, by name, each of its type.

    :param given: variables of role whisper_server, by their full names.
    :raises PlanInputError: a value is not of its type or out of its range.
    """
    found = {}
    for option in OPTIONS:
        raw = given.get(option.variable)
        if raw is None:
            continue
        value = _READ[option.kind](option, raw)
        if option.unset is None or value != option.unset:
            found[option.name] = value
    if "vad" not in found:
        # Its default names a model, which is none of a server without.
        found.pop("vad_model", None)
    elif found.get("vad_model") not in VAD_MODELS:
        raise invalid("vad_model", f"is {found.get('vad_model')!r}", f"Choose one of {', '.join(VAD_MODELS)}.")
    return found


def invalid(name: str, seen: str, allowed: str) -> PlanInputError:
    return PlanInputError(str(Problem.documented("server_option_invalid", f"{PREFIX}{name} {seen}.", allowed)))


def arguments(set_here: Mapping[str, Any], model_path: str = "/models") -> list[str]:
    """The flags of options as `values` gives them."""
    found: list[str] = []
    for name, value in sorted(set_here.items(), key=lambda one: OPTIONS.index(_BY_NAME[one[0]])):
        option = _BY_NAME[name]
        if option.kind is bool:
            found.append(option.flag if value else option.off)
        elif name == "vad_model":
            found += [option.flag, f"{model_path}/{VAD_MODELS[value].file}"]
        else:
            found += [option.flag, f"{value:g}" if option.kind is float else str(value)]
    return found


def flag_owner(flag: str) -> Option | None:
    return next((option for option in OPTIONS if flag in (option.flag, option.off)), None)


def _truth(option: Option, raw: Any) -> bool:
    try:
        return bool(boolean(raw))
    except TypeError:
        raise invalid(option.name, f"is {raw!r}", "Set it to true or false.") from None


def _text(option: Option, raw: Any) -> str:
    if not isinstance(raw, str) or "\0" in raw:
        raise invalid(option.name, f"is {raw!r}", "Set it to a text.")
    return raw


def _number(option: Option, raw: Any) -> float:
    what = "a whole number" if option.kind is int else "a number"
    allowed = f"Set it to {what} from {option.least:g} to {option.most:.10g}."
    try:
        value: float = option.kind(raw)
    except (TypeError, ValueError, OverflowError):
        raise invalid(option.name, f"is {raw!r}", allowed) from None
    # To Python true is 1, and 2.5 as a whole number 2.
    if isinstance(raw, bool) or not math.isfinite(value) or (isinstance(raw, float) and value != raw):
        raise invalid(option.name, f"is {raw!r}", allowed)
    if not option.least <= value <= option.most:
        raise invalid(option.name, f"is {raw!r}", allowed)
    return value


_READ = {bool: _truth, str: _text, int: _number, float: _number}
