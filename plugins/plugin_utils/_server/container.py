# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The model and the command line of a server, for Kubernetes, Compose and Podman as on a host with Docker Engine.

The options are the variables of role whisper_server, under their own names.
"""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem
from ansible_collections.whisperops.gpu.plugins.module_utils._system.passwords import hidden
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.model_files import without_checksum
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.models import MODELS, file_name
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.server_command import server_command
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.server_options import PREFIX, invalid, values
from ansible_collections.whisperops.gpu.plugins.plugin_utils._variables.specification import specification

PORT = 8080
USER = 10001
# Of a model of one's own nothing is known before it is there.
_UNKNOWN_MIB = 4096
_CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}")


def server_options(given: Mapping[str, Any]) -> dict[str, Any]:
    return role_options(given, PREFIX)


def role_options(given: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """What is unset (or null) has its default on hosts."""
    options = specification().options
    names = [name for name in options if name.startswith(prefix)]
    return {name: options[name].get("default") if given.get(name) is None else given[name] for name in names}


class ModelFile(NamedTuple):
    name: str
    url: str
    sha256: str
    size_mib: int


def model_file(model: str, options: Mapping[str, Any]) -> ModelFile:
    own, checksum = str(options["whisper_server_model_url"]), str(options["whisper_server_model_checksum"])
    if (own or checksum or model not in MODELS) and not _CHECKSUM.fullmatch(checksum):
        raise PlanInputError(str(without_checksum(own, checksum)))
    if own and hidden(own) != own:
        problem = Problem.documented(
            "model_url_secret",
            f"whisper_server_model_url is {hidden(own)}: it has a password or a signature, and would stand in the"
            " rendered files.",
            "Put the model into a place that needs none.",
        )
        raise PlanInputError(str(problem))
    known = MODELS.get(model)
    if own or known is None:
        return ModelFile(_file_name(own) if own else model, own, checksum[len("sha256:") :], _UNKNOWN_MIB)
    sha256 = checksum[len("sha256:") :] or known.sha256
    return ModelFile(known.file, known.url(str(options["whisper_server_model_hub"])), sha256, known.size_mib)


def _file_name(url: str) -> str:
    try:
        return file_name(url)
    except ValueError as error:
        raise PlanInputError(str(error)) from None


def command(plan: Mapping[str, Any], model: ModelFile, options: Mapping[str, Any]) -> list[str]:
    """Without the program."""
    if "vad" in values(options):
        raise invalid(
            "vad",
            "is true, and in Kubernetes, Compose and Podman only the model of the plan is downloaded",
            "Set it to false for them.",
        )
    return server_command(plan, options, model.name).arguments


def environment(plan: Mapping[str, Any]) -> dict[str, str]:
    compiles = {"CUDA_CACHE_PATH": "/jit_cache", "CUDA_CACHE_MAXSIZE": "4294967296"}
    return {**plan["environment"], **(compiles if plan["verdict"] == "jit" else {})}
