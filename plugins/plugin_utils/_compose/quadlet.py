# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Quadlet units of a host, from which Podman makes services of systemd."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from ansible_collections.whisperops.gpu.plugins.plugin_utils._server import model_fetch
from ansible_collections.whisperops.gpu.plugins.plugin_utils._server.container import PORT, USER

from .host import JIT_CACHE, MODELS, NAME, Host

_MODEL = f"{NAME}-model"
_FETCH_SECONDS = 3600
# Restart policies of containers in the words of systemd.
_RESTART = {"no": "no", "always": "always", "unless-stopped": "always", "on-failure": "on-failure"}


def quadlets(host: Host) -> dict[str, str]:
    """File → content. `podman` 5.0 and newer know all that is in them."""
    found = {
        f"{MODELS}.volume": _unit([("Volume", [f"VolumeName={MODELS}"])]),
        f"{_MODEL}.container": _unit(_model(host)),
    }
    if host.jit:
        found[f"{JIT_CACHE}.volume"] = _unit([("Volume", [f"VolumeName={JIT_CACHE}", f"User={USER}", f"Group={USER}"])])
    for place, server in enumerate(host.servers):
        found[f"{NAME}-server-{place}.container"] = _unit(_server(host, server, place))
    return found


def _unit(sections: list[tuple[str, list[str]]]) -> str:
    return "\n".join("\n".join([f"[{title}]", *lines, ""]) for title, lines in sections)


def _hardening() -> list[str]:
    return ["ReadOnly=true", "DropCapability=all", "NoNewPrivileges=true"]


def _model(host: Host) -> list[tuple[str, list[str]]]:
    program = model_fetch.DOWNLOAD
    return [
        ("Unit", ["Description=Model of the whisper.cpp servers"]),
        (
            "Container",
            [
                f"Image={_qualified(host.fetch_image)}",
                f"ContainerName={_MODEL}",
                "Entrypoint=/bin/sh",
                f"Exec=-c {_word(program)}",
                *_environment(model_fetch.variables(host.model)),
                # The owner of a new volume. Without capabilities root writes to nothing but what is its own.
                "User=0",
                "Group=0",
                *_hardening(),
                f"Volume={MODELS}.volume:/models",
            ],
        ),
        ("Service", ["Type=oneshot", "RemainAfterExit=true", f"TimeoutStartSec={_FETCH_SECONDS}"]),
    ]


def _server(host: Host, server: Mapping[str, Any], place: int) -> list[tuple[str, list[str]]]:
    limits, address = host.limits, host.listen_address
    published = f"[{address}]" if ":" in address else address
    container = [
        f"Image={_qualified(host.image)}",
        f"ContainerName={NAME}-server-{place}",
        "Entrypoint=whisper-server",
        f"Exec={' '.join(map(_word, host.command))}",
        *_environment(host.environment),
        f"User={USER}",
        f"Group={USER}",
        *_hardening(),
        "Tmpfs=/tmp:mode=1777",
        *([f"PidsLimit={limits.processes}"] if limits.processes else []),
        *([f"PodmanArgs=--memory={limits.memory_mib}m"] if limits.memory_mib else []),
        *([f"PodmanArgs=--memory-swap={limits.memory_and_swap_mib}m"] if limits.memory_and_swap_mib else []),
        f"Volume={MODELS}.volume:/models:ro",
        *([f"Volume={JIT_CACHE}.volume:/jit_cache"] if host.jit else []),
        f"PublishPort={published}:{server['port']}:{PORT}",
        # By UUID: an index may be another GPU after a reboot.
        *([f"AddDevice=nvidia.com/gpu={server['gpu']}"] if server["gpu"] else []),
    ]
    return [
        ("Unit", [f"Description=whisper.cpp server {place}", f"Requires={_MODEL}.service", f"After={_MODEL}.service"]),
        ("Container", container),
        ("Service", [f"Restart={_RESTART[host.restart]}", "TimeoutStartSec=300"]),
        ("Install", ["WantedBy=multi-user.target default.target"]),
    ]


def _environment(variables: Mapping[str, str]) -> Iterator[str]:
    for name, value in sorted(variables.items()):
        yield f"Environment={_word(f'{name}={value}', command=False)}"


def _qualified(image: str) -> str:
    """Podman asks no registry for a name without one, and finds an image of Docker Engine by the full name alone."""
    first = image.partition("/")[0] if "/" in image else ""
    registry = "." in first or ":" in first or first == "localhost"
    library = "" if "/" in image else "library/"
    return _text(image if registry else f"docker.io/{library}{image}")


def _text(value: str) -> str:
    return value.replace("%", "%%")


def _word(value: str, command: bool = True) -> str:
    """One word for systemd, which expands % everywhere, and $ in commands."""
    escaped = _text(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + (escaped.replace("$", "$$") if command else escaped) + '"'
