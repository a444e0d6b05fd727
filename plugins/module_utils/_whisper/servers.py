# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of a host, from the plan that was kept and the containers that run. Private to this collection."""

from __future__ import annotations

import json
from typing import Any, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.container import Container
from ansible_collections.whisperops.gpu.plugins.module_utils._nested import deeper_than

# Each server's container has it.
LABEL = "whisperops.server"
PLAN = "/etc/whisper/plan.json"
# Where a whisper-server that was not told otherwise takes its requests.
_INFERENCE_PATH = "/inference"
# An engine may publish on "::" for IPv6 alone.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}
# The plan's verdicts that say how the image's device code fits the card.
_DEVICE_CODE = ("native", "same_major", "jit")


_LARGEST_PLAN = 4 * 1024 * 1024
# A plan has five levels.
_DEEPEST = 50
_PORTS = range(1, 65536)


class PlanError(Exception):
    """No plan that can be read: site.yml has not run on this host. The text begins with a problem code."""


def read_plan(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(_LARGEST_PLAN)
    except (OSError, ValueError) as error:
        raise PlanError(f"plan_missing: {path} cannot be read ({error}). Run site.yml on this host first.") from error
    return parse_plan(text, path)


def parse_plan(text: str, path: str = PLAN) -> dict[str, Any]:
    try:
        plan = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PlanError(f"plan_missing: {path} is no JSON ({error}). Run site.yml on this host again.") from error
    planned = plan.get("servers") if isinstance(plan, dict) else None
    if not isinstance(planned, list) or not all(_is_server(one) for one in planned) or deeper_than(plan, _DEEPEST):
        raise PlanError(f"plan_missing: {path} is no plan. Run site.yml on this host again.")
    return {**plan, "servers": [{**one, "port": int(one["port"])} for one in planned]}


def _is_server(planned: Any) -> bool:
    try:
        return isinstance(planned, dict) and int(planned["port"]) in _PORTS
    except (KeyError, TypeError, ValueError, OverflowError):
        return False


def servers(plan: dict[str, Any], containers: Sequence[Container]) -> list[dict[str, Any]]:
    """One entry for each server of the plan; ``container`` and ``url`` are None where none runs on its port."""
    by_port = {port: one for one in containers for port in one.published or {}}
    return [_server(plan, planned, by_port.get(int(planned["port"]))) for planned in plan["servers"]]


def _server(plan: dict[str, Any], planned: dict[str, Any], container: Container | None) -> dict[str, Any]:
    port, verdict = int(planned["port"]), plan.get("verdict")
    return {
        "port": port,
        "gpu": planned.get("gpu"),
        "device_code": verdict if planned.get("gpu") and verdict in _DEVICE_CODE else None,
        "container": container.name if container else None,
        "url": _url(container, port) if container else None,
    }


def _url(container: Container, port: int) -> str:
    address = (container.published or {}).get(port, "")
    host = _EVERYWHERE.get(address) or (f"[{address}]" if ":" in address else address)
    words = container.command
    path = next((after for word, after in zip(words, words[1:]) if word == "--inference-path"), _INFERENCE_PATH)
    return f"http://{host}:{port}{path}"
