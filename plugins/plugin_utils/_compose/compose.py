# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`compose.yaml` of a host: each server on its GPU by UUID, with the hardening that role whisper_server gives."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.whisperops.gpu.plugins.plugin_utils._server import model_fetch
from ansible_collections.whisperops.gpu.plugins.plugin_utils._server.container import PORT, USER

from .host import JIT_CACHE, MODELS, NAME, Host

_HARDENING = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}


def compose(host: Host) -> dict[str, Any]:
    servers = {f"server-{place}": _server(host, server) for place, server in enumerate(host.servers)}
    volumes: dict[str, Any] = {MODELS: {}, **({JIT_CACHE: {}} if host.jit else {})}
    return {"name": NAME, "services": {"model": _model(host), **servers}, "volumes": volumes}


def _model(host: Host) -> dict[str, Any]:
    prepare = f"mkdir -p /jit_cache\nchown {USER}:{USER} /jit_cache\n" if host.jit else ""
    return {
        "image": host.fetch_image,
        "entrypoint": ["/bin/sh", "-c"],
        # Compose replaces variables of its own in the file: a dollar that is the program's is written twice.
        "command": [_literal(prepare + model_fetch.DOWNLOAD)],
        "environment": {name: _literal(value) for name, value in model_fetch.variables(host.model).items()},
        # The owner of a new volume. Without capabilities root writes to nothing but what is its own.
        "user": "0:0",
        **_HARDENING,
        **({"cap_add": ["CHOWN"]} if host.jit else {}),
        "volumes": [_volume(MODELS, "/models"), *([_volume(JIT_CACHE, "/jit_cache")] if host.jit else [])],
        "restart": "no",
    }


def _server(host: Host, server: Mapping[str, Any]) -> dict[str, Any]:
    limits = host.limits
    memory, total = limits.memory_mib, limits.memory_and_swap_mib
    return {
        "image": host.image,
        # One entry point for every image: the official one's is a shell, which would pass on no signals.
        "entrypoint": ["whisper-server"],
        "command": [_literal(argument) for argument in host.command],
        **({"environment": {n: _literal(v) for n, v in host.environment.items()}} if host.environment else {}),
        "user": f"{USER}:{USER}",
        **_HARDENING,
        "tmpfs": ["/tmp:mode=1777"],
        **({"mem_limit": f"{memory}m"} if memory else {}),
        **({"memswap_limit": f"{total}m"} if total else {}),
        **({"pids_limit": limits.processes} if limits.processes else {}),
        "volumes": [
            {**_volume(MODELS, "/models"), "read_only": True},
            *([_volume(JIT_CACHE, "/jit_cache")] if host.jit else []),
        ],
        "ports": [
            {
                "target": PORT,
                "published": str(server["port"]),
                "host_ip": host.listen_address,
                "protocol": "tcp",
            }
        ],
        "depends_on": {"model": {"condition": "service_completed_successfully"}},
        "restart": host.restart,
        "logging": {
            "driver": "json-file",
            "options": {"max-size": host.log_max_size, "max-file": str(host.log_max_files)},
        },
        **({"deploy": _gpu(str(server["gpu"]))} if server["gpu"] else {}),
    }


def _gpu(uuid: str) -> dict[str, Any]:
    """By UUID: an index may be another GPU after a reboot."""
    device = {"driver": "nvidia", "device_ids": [uuid], "capabilities": ["gpu"]}
    return {"resources": {"reservations": {"devices": [device]}}}


def _volume(source: str, target: str) -> dict[str, Any]:
    return {"type": "volume", "source": source, "target": target}


def _literal(text: str) -> str:
    return text.replace("$", "$$")
