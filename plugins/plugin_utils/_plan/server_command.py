# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the plan and the operator's options to the command line of a server, and to what the operator should know.

What whisper-server would accept and then not do, or do wrong, is refused here: it says so in its log at best, with
each request. The reasons are those of the sources that server_options.py names.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping, NamedTuple

from . import languages
from .models import MODELS, Model
from .policy import PlanInputError
from .server_options import PREFIX, arguments, invalid, values

_VAD = "vad_"
# Preset of --dtw of each unquantized model: alignment heads are known for these, and for no model of somebody's own.
_PRESETS = {
    **{name: name for name in ("tiny", "tiny.en", "base", "base.en", "small", "small.en", "medium", "medium.en")},
    "large-v1": "large.v1",
    "large-v2": "large.v2",
    "large-v3": "large.v3",
    "large-v3-turbo": "large.v3.turbo",
}
_AUTOMATIC = "auto"
_NOT_TRAINED_TO_TRANSLATE = "turbo"


class ServerCommand(NamedTuple):
    arguments: list[str]
    # What an option does that its reader may not expect.
    warnings: list[str]


def server_command(plan: Mapping[str, Any], options: Mapping[str, Any], model_file: str) -> ServerCommand:
    """The arguments of whisper-server.

    :param plan: the result of deployment_plan.
    :param options: variables of role whisper_server, by name: the path, the language, and those of server_options.py.
    :param model_file: name of the model's file in /models.
    :raises PlanInputError: an option is out of its range, or contradicts another one or the model.
    """
    known = MODELS.get(str(plan.get("model"))) if _is_published(plan, model_file) else None
    found = values(options)
    if plan.get("threads"):
        found.setdefault("threads", plan["threads"])
    language = _language(options.get(f"{PREFIX}language"), model_file, known)
    for problem in _contradictions(found, model_file):
        raise problem
    if "dtw" in found:
        found["dtw"] = _preset(found["dtw"], known)
    # The path is a regular expression. Requests for /load, with which whisper.cpp lets everybody end the server by
    # naming a file that is no model, are taken as audio too.
    path = f"{options[f'{PREFIX}inference_path']}|/load"
    line = ["--host", "0.0.0.0", "--port", "8080", "--model", f"/models/{model_file}", "--inference-path", path]
    line += ["--language", language]
    # Where it has always stood: another order would be another command line, and replace each server.
    line += arguments({name: value for name, value in found.items() if name == "threads"})
    line += ["--no-gpu"] if plan["runtime"] == "cpu" else []
    line += arguments({name: value for name, value in found.items() if name != "threads"})
    return ServerCommand(line, list(_warnings(found, language, model_file)))


def _is_published(plan: Mapping[str, Any], model_file: str) -> bool:
    """A file of the operator's own has another name, or only by chance the same."""
    model = MODELS.get(str(plan.get("model")))
    return model is not None and model.file == model_file


def _language(given: Any, model_file: str, known: Model | None) -> str:
    if given is not None and not isinstance(given, str):
        # YAML reads a bare no, which is Norwegian, as false.
        raise invalid("language", f"is {given!r}", 'Set it to a language\'s code, in quotation marks ("no"), or auto.')
    language = languages.spoken(given or "", model_file)
    code = languages.code_of(language)
    if language == languages.AUTO:
        return language
    if code is None:
        raise invalid(
            "language",
            f"is {language!r}, which whisper.cpp does not know",
            f"Choose auto or one of {', '.join(languages.CODES)}.",
        )
    if languages.english_only(model_file) and code != languages.ENGLISH:
        raise invalid(
            "language",
            f"is {language!r}, and the model {model_file} speaks English alone: its server would ignore the language",
            "Choose a model without .en in whisper_policy, or unset the language.",
        )
    if code == languages.CANTONESE and known and not languages.has_cantonese(model_file):
        raise invalid(
            "language",
            f"is {language!r}, which the model {model_file} was not trained for",
            "Choose large-v3 or large-v3-turbo in whisper_policy, or another language.",
        )
    return language


def _contradictions(found: Mapping[str, Any], model_file: str) -> Iterator[PlanInputError]:
    if "vad" not in found:
        for name in found:
            if name.startswith(_VAD):
                yield invalid(name, f"is {found[name]!r} without VAD", f"Set {PREFIX}vad to true, or unset it.")
    elif found.get("processors", 1) > 1:
        yield invalid(
            "processors",
            f"is {found['processors']} with VAD: a server of both answers a request without speech with the"
            " transcript of the request before",
            f"Unset it, or set {PREFIX}vad to false.",
        )
    if "dtw" in found and found.get("flash_attention") is not False:
        yield invalid(
            "dtw",
            f"is {found['dtw']!r}, which whisper.cpp disables with flash attention",
            f"Set {PREFIX}flash_attention to false, or unset it.",
        )
    if found.get("max_context") == 0:
        for name in ("prompt", "carry_initial_prompt"):
            if name in found:
                yield invalid(
                    name,
                    f"is set, and with {PREFIX}max_context at 0 no prompt reaches the model",
                    "Unset one of the two.",
                )
    if "translate" in found and languages.english_only(model_file):
        yield invalid(
            "translate",
            f"is true, and the model {model_file} speaks English alone: its server would ignore it",
            "Choose a model without .en in whisper_policy, or set it to false.",
        )


def _preset(given: str, known: Model | None) -> str:
    own = _PRESETS.get(_shape(known.name)) if known else None
    if known:
        if given not in (_AUTOMATIC, own):
            raise invalid("dtw", f"is {given!r} with the model {known.name}", f"Set it to {_AUTOMATIC} or {own}.")
        return str(own)
    if given not in _PRESETS.values():
        raise invalid(
            "dtw",
            f"is {given!r} with a model of your own",
            f"Set it to the model that yours was made from: one of {', '.join(_PRESETS.values())}.",
        )
    return given


def _shape(name: str) -> str:
    """small.en-tdrz-q5_1 -> small.en: a model has the alignment heads of the one that it was made from."""
    return next((shape for shape in sorted(_PRESETS, key=len, reverse=True) if name.startswith(shape)), name)


def _warnings(found: Mapping[str, Any], language: str, model_file: str) -> Iterator[str]:
    if languages.english_only(model_file):
        return
    if language in (languages.ENGLISH, "english") and "translate" not in found:
        yield (
            f"{PREFIX}language is {language}, and the model {model_file} knows other languages: speech in another"
            " language comes out translated to English unless a request names its language. Unset it for"
            f" {languages.AUTO}."
        )
    if "translate" in found and _NOT_TRAINED_TO_TRANSLATE in model_file:
        yield (
            f"{PREFIX}translate is true, and {model_file} was not trained to translate. Choose large-v3 or medium in"
            " whisper_policy."
        )
