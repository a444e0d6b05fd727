# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping


def container_twin(container: Mapping[str, Any], on_cpu: bool = False) -> dict[str, Any]:
    """The options of community.docker.docker_container for a copy of a server's container.

    ``container`` is what Docker Engine says of it. With ``on_cpu`` the copy uses no GPU.
    """
    config, host = container["Config"], container["HostConfig"]
    command = list(config["Cmd"])
    without_gpu = ["--no-gpu"] if on_cpu and "--no-gpu" not in command else []
    return {
        "image": container["Image"],
        "entrypoint": config.get("Entrypoint"),
        "command": [*command, *without_gpu],
        "env": dict(entry.split("=", 1) for entry in config.get("Env") or ()),
        "user": config.get("User"),
        "runtime": "nvidia" if host.get("Runtime") == "nvidia" else None,
        "device_requests": [
            {"driver": request.get("Driver"), "device_ids": request.get("DeviceIDs"), "count": request.get("Count")}
            for request in host.get("DeviceRequests") or ()
        ],
        "volumes": host.get("Binds"),
        # In bytes. Where there is no limit, the engine has 0, -1 or nothing.
        "memory": _limit(host.get("Memory")),
        "memory_swap": _limit(host.get("MemorySwap")),
        "pids_limit": _limit(host.get("PidsLimit")),
        "networks": [{"name": name} for name in (container.get("NetworkSettings") or {}).get("Networks") or ()],
        "model": command[command.index("--model") + 1],
    }


def _limit(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"container_twin": container_twin}
