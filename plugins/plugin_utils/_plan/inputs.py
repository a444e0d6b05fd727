# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator has set, and which collection would apply it: the inputs of a deployment."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any, Iterable, Mapping

import yaml
from ansible_collections.whisperops.gpu.plugins.module_utils._system.passwords import hidden

COLLECTION = Path(__file__).parents[3]
# In the order in which they are applied.
ROLES = ("docker_engine", "nvidia_container_toolkit", "whisper_image", "whisper_server", "whisper_proof")
# Theirs too: docker_engine_proxy is set from it.
PROXY = "whisper_proxy"

_LONGEST_SHOWN = 80


@functools.lru_cache(maxsize=None)
def options(role: str) -> Mapping[str, Mapping[str, Any]]:
    """The specification of each of a role's variables."""
    text = (COLLECTION / "roles" / role / "meta/argument_specs.yml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text)["argument_specs"]["main"]["options"])


@functools.lru_cache(maxsize=None)
def names() -> tuple[str, ...]:
    """Variables that an operator may set, of all roles; required ones are what one role hands to the next."""
    found = [name for role in ROLES for name, one in options(role).items() if not one.get("required")]
    return (*found, PROXY)


def default(name: str) -> Any:
    return next((options(role)[name].get("default") for role in ROLES if name in options(role)), None)


def role_of(name: str) -> str:
    return next((role for role in ROLES if name.startswith(role + "_")), ROLES[0])


def described(value: Any) -> dict[str, str]:
    """What is kept of a value: enough to see that it has changed, and to say it, but no password."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    shown = hidden(text)
    if len(shown) > _LONGEST_SHOWN:
        shown = shown[:_LONGEST_SHOWN] + "…"
    return {"digest": hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(), "shown": shown}


def inputs(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "collection": fingerprint(COLLECTION),
        "options": {name: described(value) for name, value in sorted(given.items())},
    }


@functools.lru_cache(maxsize=1)
def fingerprint(collection: Path) -> str:
    """Of everything that decides what a role does."""
    found = hashlib.sha256()
    for path in _contents(collection):
        found.update(f"{path.relative_to(collection)}\0".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _contents(collection: Path) -> Iterable[Path]:
    for part in ("plugins", "roles"):
        for path in sorted((collection / part).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
