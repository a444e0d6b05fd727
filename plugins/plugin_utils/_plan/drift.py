# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host differs from what it was when the last run ended, by the role that looks after each part of it."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._host import firewall
from ansible_collections.whisperops.gpu.plugins.module_utils._host.deployment import gpus
from ansible_collections.whisperops.gpu.plugins.module_utils._host.packages import TOOLKIT
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.applied import Applied
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.change import CHECK, Change

WHY = "it has changed since the last run"

_FILES = (
    ("/etc/docker/", "nvidia_container_toolkit"),
    ("/etc/nvidia-container-runtime/", "nvidia_container_toolkit"),
    ("/var/run/cdi/", "nvidia_container_toolkit"),
    ("/etc/apt/sources.list.d/whisperops-nvidia", "nvidia_container_toolkit"),
    ("/etc/yum.repos.d/nvidia", "nvidia_container_toolkit"),
    ("/etc/systemd/system/nftables.service.d/", "whisper_server"),
    ("/etc/systemd/system/whisper-activator", "whisper_server"),
    ("/etc/systemd/system/whisper-firewall", "whisper_server"),
    (firewall.RULES, "whisper_server"),
    ("/etc/whisper/plan.json", "whisper_server"),
    ("/etc/whisper/servers.json", "whisper_server"),
    ("/etc/whisper/proof", "whisper_proof"),
    ("/usr/local/lib/whisper/activator", "whisper_server"),
    ("/usr/local/lib/whisper/", "whisper_proof"),
    ("/etc/systemd/system/whisper-proof", "whisper_proof"),
)
_UNITS = {
    "whisper-proof.timer": "whisper_proof",
    "nvidia-cdi-refresh.path": "nvidia_container_toolkit",
    firewall.UNIT: "whisper_server",
    "whisper-activator.service": "whisper_server",
}
_ENGINE, _TOOLKIT = "docker_engine", "nvidia_container_toolkit"


def drift(
    before: Applied, host: Mapping[str, Any], plan: Mapping[str, Any], model_files: Sequence[str]
) -> Iterator[Change]:
    for role, what, old, new in _differences(before, host, model_files):
        # What the toolkit looks after on a host with a GPU is the engine's alone on one without.
        used = role if role != _TOOLKIT or plan["runtime"] == "cuda" else _ENGINE
        yield Change(used, CHECK, what, _text(old), _text(new), WHY)


def _differences(
    before: Applied, host: Mapping[str, Any], model_files: Sequence[str]
) -> Iterator[tuple[str, str, Any, Any]]:
    state = before.state
    for name, old, new in _unequal(_versions(state), _versions(host)):
        yield _TOOLKIT if name in TOOLKIT else _ENGINE, name, old, new
    for name, old, new in _unequal(_mapping(state, "files"), _mapping(host, "files")):
        yield next((role for prefix, role in _FILES if name.startswith(prefix)), _ENGINE), name, old, new
    for name, old, new in _unequal(_mapping(state, "speech"), _mapping(host, "speech")):
        yield "whisper_proof", name, old, new
    for name, old, new in _unequal(_mapping(state, "units"), _mapping(host, "units")):
        yield _UNITS.get(name, _ENGINE), name, old, new
    for name, old, new in _unequal(_servers(state), _servers(host)):
        yield "whisper_server", name, old, new
    image = str(before.image)
    singles = (
        (_ENGINE, "Docker Engine", "engine", "version"),
        ("whisper_image", image, "images", image),
        *(("whisper_server", file, "models", file) for file in model_files),
    )
    for role, what, part, key in singles:
        old, new = _mapping(state, part).get(key), _mapping(host, part).get(key)
        if old != new:
            yield role, what, old, new
    # Where it cannot be seen, nothing is said of it.
    if None not in (state.get("firewall"), host["firewall"]) and state["firewall"] != host["firewall"]:
        yield "whisper_server", f"table {firewall.TABLE}", state["firewall"], host["firewall"]
    if state.get("selinux") != host.get("selinux"):
        yield "whisper_server", "SELinux", state.get("selinux"), host.get("selinux")
    if dict(before.gpus) != gpus(host["gpu"]):
        yield _TOOLKIT, "the GPUs and their driver", None, None


def _text(value: Any) -> str | None:
    """Of a digest its beginning, as Docker shows one."""
    text = None if value is None else str(value)
    return text[:19] if text and text.startswith("sha256:") else text


def _mapping(state: Mapping[str, Any], part: str) -> Mapping[str, Any]:
    found = state.get(part)
    return found if isinstance(found, Mapping) else {}


def _versions(state: Mapping[str, Any]) -> dict[str, str]:
    found = _mapping(state, "packages").items()
    return {str(name): f"{one.get('version')}{' held' if one.get('held') else ''}" for name, one in found}


def _servers(state: Mapping[str, Any]) -> dict[str, str]:
    listed = state.get("servers")
    servers = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    # A server that nobody uses is as it was.
    states = [{**one, "state": "running"} if one.get("state") == "unloaded" else one for one in servers]
    return {str(one.get("name")): " ".join(map(str, map(one.get, ("state", "id", "image")))) for one in states}


def _unequal(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield name, before.get(name), after.get(name)
