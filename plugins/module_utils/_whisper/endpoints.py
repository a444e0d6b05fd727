# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each server of a host is reached: one file, which the role whisper_server writes. Private to this collection.

The gateway, the metrics, the benchmark, the proof and its timer read the file.
"""

from __future__ import annotations

import json
import re
from typing import Any, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._nested import deeper_than
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.address import host_port, reachable

PATH = "/etc/whisper/servers.json"
# The plan's verdicts that say how the image's device code fits the GPU.
_DEVICE_CODE = ("native", "same_major", "jit")
_LARGEST_FILE = 4 * 1024 * 1024
# The file has three levels.
_DEEPEST = 20
_PORTS = range(1, 65536)
_TEXTS = ("gpu", "device_code", "container", "address", "url", "public_url")
# What the policy lets a model be called: the name becomes configuration of a gateway.
MODEL = re.compile(r"[A-Za-z0-9._-]{1,128}")


class EndpointsError(Exception):
    """No file of endpoints that can be read: site.yml has not run on this host. The text begins with a problem code."""


def endpoints(plan: Mapping[str, Any], name: str, listening: str, host: str, path: str) -> list[dict[str, Any]]:
    """The servers of a plan that are published on the address `listening` of `host`, with `path` for the audio."""
    verdict = plan.get("verdict") if plan.get("verdict") in _DEVICE_CODE else None
    own, public = reachable(listening), reachable(listening, host)
    return [
        {
            "port": int(server["port"]),
            "gpu": server.get("gpu") or None,
            "device_code": verdict if server.get("gpu") else None,
            "container": f"{name}-{number}",
            # By which the host itself reaches the server.
            "address": own,
            "url": f"http://{host_port(own, int(server['port']))}{path}",
            # What a client elsewhere would use.
            "public_url": f"http://{host_port(public, int(server['port']))}",
            # Where the host has several; of a host with one, the plan has it.
            **({"model": server["model"]} if server.get("model") else {}),
        }
        for number, server in enumerate(plan.get("servers") or [])
    ]


def read(path: str) -> list[dict[str, Any]]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(_LARGEST_FILE)
    except (OSError, ValueError) as error:
        raise EndpointsError(
            f"endpoints_missing: {path} cannot be read ({error}). Run site.yml on this host first."
        ) from error
    return parse(text, path)


def parse(text: str, path: str = PATH) -> list[dict[str, Any]]:
    """The entries, with nothing but their known keys. The file is a host's: it may have been edited."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EndpointsError(
            f"endpoints_missing: {path} is no JSON ({error}). Run site.yml on this host again."
        ) from error
    found = known(document.get("servers")) if isinstance(document, dict) else None
    if found is None or deeper_than(document, _DEEPEST):
        raise EndpointsError(f"endpoints_missing: {path} names no servers. Run site.yml on this host again.")
    return found


def known(entries: Any) -> list[dict[str, Any]] | None:
    """What a host says of its servers, with nothing but the known keys. None: one of them is no server."""
    if not isinstance(entries, (list, tuple)) or not all(map(_is_entry, entries)):
        return None
    return [
        {
            "port": entry["port"],
            **{key: entry.get(key) for key in _TEXTS},
            **({"model": entry["model"]} if entry.get("model") else {}),
        }
        for entry in entries
    ]


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, Mapping):
        return False
    port, model = entry.get("port"), entry.get("model")
    texts = all(isinstance(entry.get(key), (str, type(None))) for key in _TEXTS)
    named = model is None or (isinstance(model, str) and MODEL.fullmatch(model) is not None)
    return isinstance(port, int) and not isinstance(port, bool) and port in _PORTS and texts and named
