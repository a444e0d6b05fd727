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

from ansible_collections.whisperops.gpu.plugins.module_utils._system.passwords import hidden
from ansible_collections.whisperops.gpu.plugins.plugin_utils._collection import ROOT
from ansible_collections.whisperops.gpu.plugins.plugin_utils._variables.specification import specification

# In the order in which they are applied.
ROLES = ("docker_engine", "nvidia_container_toolkit", "whisper_image", "whisper_server", "whisper_proof")
# Theirs too: docker_engine_proxy is set from it.
PROXY = "whisper_proxy"

# Their content is known by its checksum or commit: with other credentials it is the same.
DOWNLOADS = frozenset(
    {
        "whisper_image_source_git",
        "whisper_image_source_url",
        "whisper_server_model_files",
        "whisper_server_model_hub",
        "whisper_server_model_url",
    }
)
_LONGEST_SHOWN = 80


def names() -> list[str]:
    """Variables that an operator may set, of all roles; required ones are what one role hands to the next."""
    options = specification().options
    return [name for name in options if name == PROXY or (role_of(name) and not options[name].get("required"))]


def default(name: str) -> Any:
    return specification().options[name].get("default")


def role_of(name: str) -> str | None:
    return next((role for role in ROLES if name.startswith(role + "_")), None)


def described(name: str, value: Any) -> dict[str, str]:
    """What is kept of a variable: enough to see that it has changed, and to say it, but no credentials."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    shown = hidden(text)
    if name in DOWNLOADS:
        text = shown
    if len(shown) > _LONGEST_SHOWN:
        shown = shown[:_LONGEST_SHOWN] + "…"
    return {"digest": hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(), "shown": shown}


def inputs(given: Mapping[str, Any], audio: str | None = None) -> dict[str, Any]:
    """``audio``: the path of the operator's own reference audio, which is compared by its content."""
    if audio:
        given = {**given, "whisper_proof_audio": hashlib.sha256(Path(audio).read_bytes()).hexdigest()}
    return {
        "collection": fingerprint(ROOT),
        "options": {name: described(name, value) for name, value in sorted(given.items())},
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
            if path.is_file() and path.suffix != ".md" and "__pycache__" not in path.parts:
                yield path
