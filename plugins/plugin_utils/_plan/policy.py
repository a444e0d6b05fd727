# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person allows and prefers. A wrong value is refused with its variable, what was seen and what is allowed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import Version

from . import models


class PlanInputError(ValueError):
    """An input that a person has to correct; the text says which, what was seen and what is allowed."""


DEFAULTS: dict[str, Any] = {
    "prefer": "official",
    "allow_jit": False,
    "allow_cpu": "auto",
    "gpus": "all",
    "model": "base.en",
    "models": None,
    "instances_per_gpu": 1,
    "cpu_servers": 1,
    "cpu_variants": "all",
    "first_port": 8080,
    "min_driver": None,
    "extra_images": [],
    "unavailable": {},
}
_CHOICES = {
    "prefer": ("official", "local"),
    "allow_cpu": ("auto", "always", "never"),
    "cpu_variants": ("all", "one"),
}
# Of an entry in `models`. What is not set is that of the policy, but for `gpus`.
_OF_A_MODEL = ("name", "gpus", "instances_per_gpu", "cpu_servers")
# Clients, HAProxy and the file system know a model by it.
SERVED_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True)
class ModelPolicy:
    """One of several models that a host serves."""

    name: str
    instances_per_gpu: int
    cpu_servers: int
    gpus: tuple[str, ...] | None  # None: all that the policy allows


@dataclass(frozen=True)
class Policy:
    prefer: str
    allow_jit: bool
    allow_cpu: str
    gpus: tuple[str, ...] | None  # None: all of them
    model: str
    models: tuple[ModelPolicy, ...]  # the first is the default; empty where `model` is the only one
    instances_per_gpu: int
    cpu_servers: int
    cpu_variants: str
    first_port: int
    min_driver: Version | None
    extra_images: tuple[Any, ...]
    unavailable: tuple[tuple[str, str], ...]

    def unavailable_because(self, image: str) -> str | None:
        return dict(self.unavailable).get(image)


def refuse(variable: str, seen: Any, allowed: str) -> PlanInputError:
    return PlanInputError(f"{variable}: got {seen!r} ({type(seen).__name__}); allowed: {allowed}.")


def read_policy(given: Any) -> Policy:
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise refuse("policy", given, "a dictionary with any of " + ", ".join(DEFAULTS))
    unknown = sorted(str(key) for key in given if key not in DEFAULTS)
    if unknown:
        raise PlanInputError(f"policy: unknown key {', '.join(unknown)}; allowed: {', '.join(DEFAULTS)}.")
    value = {**DEFAULTS, **given}
    for key, choices in _CHOICES.items():
        if not isinstance(value[key], str) or value[key] not in choices:
            raise refuse(f"policy.{key}", value[key], ", ".join(choices))
    if not isinstance(value["allow_jit"], bool):
        raise refuse("policy.allow_jit", value["allow_jit"], "true, false")
    instances = _whole_number(value, "instances_per_gpu", 1, 64)
    cpu_servers = _whole_number(value, "cpu_servers", 1, 64)
    first_port = _whole_number(value, "first_port", 1, 65535)
    gpus = _gpus("policy.gpus", value["gpus"])
    return Policy(
        prefer=str(value["prefer"]),
        allow_jit=value["allow_jit"],
        allow_cpu=str(value["allow_cpu"]),
        gpus=gpus,
        model=_model("policy.model", value["model"]),
        models=_models(given, value, gpus),
        instances_per_gpu=instances,
        cpu_servers=cpu_servers,
        cpu_variants=str(value["cpu_variants"]),
        first_port=first_port,
        min_driver=_min_driver(value["min_driver"]),
        extra_images=_extra_images(value["extra_images"]),
        unavailable=_unavailable(value["unavailable"]),
    )


def _whole_number(value: Mapping[str, Any], key: str, lowest: int, highest: int, within: str = "policy") -> int:
    number = value[key]
    if isinstance(number, bool) or not isinstance(number, int) or not lowest <= number <= highest:
        raise refuse(f"{within}.{key}", number, f"a whole number from {lowest} to {highest}")
    return int(number)


def _gpus(variable: str, value: Any) -> tuple[str, ...] | None:
    if isinstance(value, str):
        if value == "all":
            return None
        raise refuse(variable, value, "all, or a list of GPU UUIDs")
    if not isinstance(value, (list, tuple)) or not all(isinstance(uuid, str) and uuid for uuid in value):
        raise refuse(variable, value, "all, or a list of GPU UUIDs")
    return tuple(str(uuid) for uuid in value)


def _model(variable: str, value: Any) -> str:
    if isinstance(value, str) and (value == "auto" or value in models.MODELS or models.is_own_file(value)):
        return str(value)
    raise refuse(
        variable, value, f"auto, {', '.join(models.MODELS)}, or the name of a file of your own that ends in .bin"
    )


def _models(
    given: Mapping[str, Any], value: Mapping[str, Any], gpus: tuple[str, ...] | None
) -> tuple[ModelPolicy, ...]:
    listed = value["models"]
    if listed is None:
        return ()
    if "model" in given:
        raise PlanInputError("policy.models: model is set too. Unset model; the first of models is the default.")
    if not isinstance(listed, (list, tuple)) or not listed:
        raise refuse("policy.models", listed, "a list with one model at least, the default first")
    found = [_entry(f"policy.models[{number}]", entry, value, gpus) for number, entry in enumerate(listed)]
    files = [models.file_of(entry.name) for entry in found]
    for number, entry in enumerate(found):
        if files[number] in files[:number]:
            raise PlanInputError(
                f"policy.models[{number}].name: {entry.name} is there twice. Set instances_per_gpu for more servers."
            )
    return tuple(found)


def _entry(within: str, entry: Any, value: Mapping[str, Any], gpus: tuple[str, ...] | None) -> ModelPolicy:
    if not isinstance(entry, Mapping) or "name" not in entry:
        raise refuse(within, entry, "a dictionary with name, and any of " + ", ".join(_OF_A_MODEL[1:]))
    unknown = sorted(str(key) for key in entry if key not in _OF_A_MODEL)
    if unknown:
        raise PlanInputError(f"{within}: unknown key {', '.join(unknown)}; allowed: {', '.join(_OF_A_MODEL)}.")
    # What the role takes with its defaults has null where nothing is set.
    own = {**value, "gpus": "all", **{key: found for key, found in entry.items() if found is not None}}
    name = _model(f"{within}.name", own["name"])
    if not SERVED_NAME.fullmatch(name):
        raise refuse(
            f"{within}.name", name, "for a file of your own, a name of letters, digits and . _ - without a path"
        )
    named = _gpus(f"{within}.gpus", own["gpus"])
    if named is not None and (not named or (gpus is not None and set(named) - set(gpus))):
        allowed = "all" if gpus is None else ", ".join(gpus)
        raise refuse(f"{within}.gpus", list(named), f"all, or a list of UUIDs out of policy.gpus ({allowed})")
    return ModelPolicy(
        name=name,
        instances_per_gpu=_whole_number(own, "instances_per_gpu", 1, 64, within),
        cpu_servers=_whole_number(own, "cpu_servers", 1, 64, within),
        gpus=named,
    )


def _min_driver(value: Any) -> Version | None:
    if value is None:
        return None
    try:
        return Version.parse(value if isinstance(value, str) else "")
    except ValueError:
        raise refuse("policy.min_driver", value, "a driver version as a string, such as '570' or '550.54.14'") from None


def _extra_images(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise refuse("policy.extra_images", value, "a list of catalogue entries")
    return tuple(value)


def _unavailable(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping) or not all(isinstance(x, str) for pair in value.items() for x in pair):
        raise refuse("policy.unavailable", value, "a dictionary from image reference to the reason as text")
    return tuple(sorted((str(image), str(reason)) for image, reason in value.items()))
