# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles whisper_gateway, whisper_api and gpu_metrics have installed on a host, with servers or without any."""

from __future__ import annotations

import glob
import os
import re
from typing import Any

from ansible_collections.whisperops.gpu.plugins.module_utils._host import files

PACKAGES = ("haproxy", "openssl", "prometheus-node-exporter", "ffmpeg", "python3-aiohttp")
HAPROXY_CONFIG = "/etc/haproxy/haproxy.cfg"
# Only while the service runs: what it was started with.
API_IDENTITY = "/run/whisper-api/identity"
# The units of each that start with the host have a link in the directory of what they are started for.
ENABLED = {
    "haproxy.service": "/etc/systemd/system/multi-user.target.wants/haproxy.service",
    "whisper-proof-agent.socket": "/etc/systemd/system/sockets.target.wants/whisper-proof-agent.socket",
    "whisper-api.service": "/etc/systemd/system/multi-user.target.wants/whisper-api.service",
    "whisper-decode.socket": "/etc/systemd/system/sockets.target.wants/whisper-decode.socket",
    "whisper-host-metrics.timer": "/etc/systemd/system/timers.target.wants/whisper-host-metrics.timer",
    "whisper-node-exporter.service": "/etc/systemd/system/multi-user.target.wants/whisper-node-exporter.service",
    "whisper-gpu-exporter.service": "/etc/systemd/system/multi-user.target.wants/whisper-gpu-exporter.service",
}
UNITS = tuple(ENABLED)
FILES = (
    HAPROXY_CONFIG,
    "/etc/whisper/gateway/*",
    "/usr/local/lib/whisper/proof_agent.py",
    "/etc/systemd/system/whisper-proof-agent.*",
    "/usr/local/lib/whisper/decode.py",
    "/usr/local/lib/whisper/whisper_api/*.py",
    "/usr/local/lib/whisper/whisper_api/page/*",
    "/etc/whisper/api.json",
    "/etc/systemd/system/whisper-decode*",
    "/etc/systemd/system/whisper-api.service",
    API_IDENTITY,
    "/usr/local/lib/whisperops/host_metrics.pyz",
    "/etc/systemd/system/whisper-host-metrics.*",
    "/etc/systemd/system/whisper-*-exporter.service",
    *ENABLED.values(),
)
# Too large to be read each time; each archive has a directory of its own.
PROGRAMS = "/usr/local/lib/whisperops/nvidia_gpu_exporter-*/nvidia_gpu_exporter"

_MARK = "whisperops.gpu.whisper_gateway"
_LISTEN = re.compile(r"^frontend whisper\n +bind (\S+)", re.MULTILINE)
_SERVER = re.compile(r"^ +server (\S+) (\S+) agent-addr ", re.MULTILINE)
_KEYS = re.compile(r"map_str\((/etc/whisper/gateway/keys-[0-9a-f]{16}\.map)\)")
_LONGEST = 1024 * 1024


def observe(root: str) -> dict[str, Any]:
    return {
        "files": files.digests(FILES, root),
        "programs": sorted("/" + os.path.relpath(path, root) for path in glob.glob(os.path.join(root, PROGRAMS[1:]))),
        "gateway": gateway(_text(root, HAPROXY_CONFIG), root),
    }


def gateway(configuration: str, root: str = "/") -> dict[str, Any] | None:
    """Of a configuration of ours: the address it listens on, its servers, and the names of its clients, not their keys.

    None where HAProxy has none, or one of somebody else's.
    """
    if _MARK not in configuration:
        return None
    listen, keys = _LISTEN.search(configuration), _KEYS.search(configuration)
    clients = _text(root, keys.group(1)).splitlines() if keys else []
    return {
        "listen": listen.group(1) if listen else None,
        "servers": dict(_SERVER.findall(configuration)),
        "clients": [line.partition(" ")[2] for line in clients],
    }


def _text(root: str, path: str) -> str:
    try:
        with open(os.path.join(root, path[1:]), encoding="utf-8", errors="replace") as file:
            return file.read(_LONGEST)
    except OSError:
        return ""
