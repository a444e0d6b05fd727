# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The servers of a host, as Compose and Podman are told of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import server_limits
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.model_files import has_several, unsupported
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._server.container import (
    ModelFile,
    command,
    environment,
    model_file,
    server_options,
)

# The names of the containers on hosts that the collection manages are others, so that both can be told apart.
NAME, MODELS, JIT_CACHE = "whisper", "whisper-models", "whisper-jit-cache"


@dataclass(frozen=True)
class Host:
    servers: tuple[Mapping[str, Any], ...]  # gpu: UUID or null, port
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    model: ModelFile
    limits: server_limits.Limits
    jit: bool
    fetch_image: str
    listen_address: str
    restart: str
    log_max_size: str
    log_max_files: int


def host_of(plan: Mapping[str, Any], given: Mapping[str, Any], image: str, fetch_image: str) -> Host:
    """
    :param given: the variables of role whisper_server; null where they are not set.
    :param image: of the servers; empty takes that of the plan, if it can be pulled.
    """
    if not image and plan["origin"] == "local":
        problem = Problem.documented(
            "compose_image_missing",
            f"The plan has an image that is built on the host, {plan['image']}, and no run has built it yet.",
            "Run site.yml on the host first, or set whisper_compose_image to an image that you have.",
        )
        raise PlanInputError(str(problem))
    if has_several(plan):
        raise PlanInputError(str(unsupported("Compose and Podman, whose files have one model")))
    options = server_options(given)
    model = model_file(str(plan["model"]), options)
    if not model.url:
        raise PlanInputError(
            f"model_unknown: {plan['model']} is no model of whisper.cpp, and whisper_server_model_url is not set."
        )
    return Host(
        servers=tuple(plan["servers"]),
        image=image or str(plan["image"]),
        command=tuple(command(plan, model, options)),
        environment=environment(plan),
        model=model,
        limits=server_limits.server_limits(plan, options, {}),
        jit=plan["verdict"] == "jit",
        fetch_image=fetch_image,
        listen_address=str(options["whisper_server_listen_address"]),
        restart=str(options["whisper_server_restart_policy"]),
        log_max_size=str(options["whisper_server_log_max_size"]),
        log_max_files=int(options["whisper_server_log_max_files"]),
    )
