# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects as files to read, to compare and to commit: the same plan gives the same bytes."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple

from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._sanitize import sanitize_line
from ansible_collections.whisperops.gpu.plugins.plugin_utils._server.container import ModelFile, model_file
from ansible_collections.whisperops.gpu.plugins.plugin_utils._server.yaml_text import yaml_text

from . import gateway_objects, monitoring_objects, prover_objects, prover_pod
from .group_objects import group_objects
from .options import CLAIM, Options
from .shared_objects import namespace, shared_objects

# By it the next run knows the files that it may take away.
MARK = "# Rendered by whisperops.gpu."


class File(NamedTuple):
    name: str
    objects: list[dict[str, Any]]
    about: tuple[str, ...] = ()

    @property
    def content(self) -> str:
        """In the order in which `kubectl apply --filename DIRECTORY` takes them, which is that of the names."""
        head = [MARK + " docs/kubernetes.md has the reasons of the fields.", *map(_comment, self.about)]
        return "\n".join([*head, *(f"---\n{yaml_text(one)}".rstrip() for one in self.objects)]) + "\n"


def files(plan: Mapping[str, Any], options: Options, program: bytes) -> list[File]:
    """``program``: the prover's, with all that it imports."""
    models = {group["name"]: _model(group["model"], options) for group in plan["groups"]}
    groups = plan["groups"]
    namespaces = [
        namespace(options),
        *([prover_objects.namespace(options)] if prover_pod.on_node(plan, options) else []),
    ]
    prover = prover_objects.prover_objects(plan, options, program)
    gateway = [*gateway_objects.gateway_objects(options), *monitoring_objects.monitoring_objects(options)]
    return [
        *([File("00-namespace.yaml", namespaces)] if options.create_namespace else []),
        File("10-shared.yaml", shared_objects(models.values(), plan, options)),
        *([File("12-gateway.yaml", gateway)] if gateway else []),
        *([File("15-prover.yaml", prover)] if prover else []),
        *(
            File(
                f"20-{group['name']}.yaml",
                [
                    *group_objects(group, plan["tolerations"], models[group["name"]], options),
                    *monitoring_objects.scaled_object(group, groups, options),
                ],
                tuple(_about(group)),
            )
            for group in groups
        ),
    ]


def _model(name: str, options: Options) -> ModelFile:
    found = model_file(name, options.server)
    if not found.url and options.model_storage != CLAIM:
        raise PlanInputError(
            f"model_unknown: {name} is no model of whisper.cpp, and whisper_server_model_url is not set. Set it, or"
            " have the model in a volume (whisper_kubernetes_model_storage: claim)."
        )
    return found


def _about(group: Mapping[str, Any]) -> Iterable[str]:
    yield f"{len(group['nodes'])} nodes, {group['devices']} free GPUs, {group['servers']} servers: {group['verdict']}"
    yield from group["reasons"]
    yield from group["warnings"]


def _comment(text: str) -> str:
    return f"# {sanitize_line(text, 1000)}"
