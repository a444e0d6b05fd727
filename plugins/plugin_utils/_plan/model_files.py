# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that the servers of a plan load: where each comes from, and the SHA-256 it is known by."""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping, NamedTuple

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem
from ansible_collections.whisperops.gpu.plugins.module_utils._system.passwords import hidden

from .models import HUB, MODELS, VAD_MODELS, file_name, file_of
from .policy import PlanInputError
from .server_options import invalid

_URL, _CHECKSUM, _LISTED = "whisper_server_model_url", "whisper_server_model_checksum", "whisper_server_model_files"
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


class ModelFile(NamedTuple):
    model: str
    file: str
    url: str  # may hold a password or a signature
    shown: str  # without
    checksum: str  # with the algorithm before it
    own: bool
    size_mib: int  # 0 where nobody knows

    @property
    def label(self) -> str:
        """What the container of a server says of it."""
        return f"{self.file}@{self.checksum}"


def models_of(plan: Mapping[str, Any]) -> list[str]:
    """The models of a plan, the default first."""
    names = [str(server["model"]) for server in plan.get("servers") or () if server and server.get("model")]
    return list(dict.fromkeys([str(plan.get("model")), *names]))


def has_several(plan: Mapping[str, Any]) -> bool:
    """Whether its policy has a list of models, of which each server says its own."""
    return any(server.get("model") for server in plan.get("servers") or () if server)


def plan_of(plan: Mapping[str, Any], model: str) -> dict[str, Any]:
    """The plan as the servers of one of its models have it."""
    return {**plan, "model": model}


def model_files(plan: Mapping[str, Any], options: Mapping[str, Any]) -> list[ModelFile]:
    """One for each model of the plan, the default's first, then the one that finds speech.

    :param plan: the result of deployment_plan.
    :param options: variables of role whisper_server, by name.
    :raises PlanInputError: a model has no source, or no SHA-256.
    """
    return list(_files(plan, options))


def _files(plan: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[ModelFile]:
    url, checksum = str(options.get(_URL) or ""), str(options.get(_CHECKSUM) or "")
    several = has_several(plan)
    for name, value in (("model_url", url), ("model_checksum", checksum)):
        if several and value:
            raise invalid(name, "is set, and whisper_policy has models", f"Write it into {_LISTED} and unset it.")
    hub = str(options.get("whisper_server_model_hub") or HUB)
    listed = {str(one["name"]): one for one in options.get(_LISTED) or ()}
    for model in models_of(plan):
        if url or checksum or model not in listed:
            yield _file(model, url, checksum, hub, (_URL, _CHECKSUM))
        else:
            entry = listed[model]
            where = (f"url of {model} in {_LISTED}", "its checksum")
            found = _file(model, str(entry.get("url") or ""), str(entry.get("checksum") or ""), hub, where)
            # By its name in the policy, under which clients ask for it.
            yield found._replace(file=file_of(model))
    vad = VAD_MODELS.get(str(options.get("whisper_server_vad_model")))
    if vad and boolean(options.get("whisper_server_vad"), strict=False):
        url = vad.url(hub)
        yield ModelFile(vad.name, vad.file, url, hidden(url), f"sha256:{vad.sha256}", False, vad.size_mib)


def _file(model: str, url: str, checksum: str, hub: str, variables: tuple[str, str]) -> ModelFile:
    if (url or checksum) and not _SHA256.fullmatch(checksum):
        raise PlanInputError(str(without_checksum(url, checksum, variables)))
    if url:
        try:
            return ModelFile(model, file_name(url), url, hidden(url), checksum, True, 0)
        except ValueError as error:
            raise PlanInputError(str(error)) from None
    known = MODELS.get(model)
    if known is None:
        raise PlanInputError(
            f"model_unknown: {model!r} is no model of whisper.cpp. Choose one of {', '.join(MODELS)}, or say where it"
            f" comes from: {_URL}, or {_LISTED} where there are several."
        )
    found = known.url(hub)
    return ModelFile(
        model, known.file, found, hidden(found), checksum or f"sha256:{known.sha256}", False, known.size_mib
    )


def without_checksum(url: str, checksum: str, variables: tuple[str, str] = (_URL, _CHECKSUM)) -> Problem:
    return Problem.documented(
        "model_without_checksum",
        f"{variables[0]} is {hidden(url) or 'not set'}, and {variables[1]} is {checksum or 'empty'}.",
        "Set it to sha256: and the model's SHA-256 (sha256sum FILE).",
    )


def unsupported(where: str) -> Problem:
    return Problem.documented(
        "models_unsupported",
        f"whisper_policy has models, which is not for {where}.",
        "Set model in their place.",
    )
