# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any, Callable

from ansible_collections.whisperops.gpu.plugins.module_utils._nested import deeper_than

NO_PLAN: dict[str, Any] = {"servers": [], "gpus": []}
PORTS = range(1, 65536)
# A plan has five levels.
DEEPEST = 50


def saved_plan(text: Any) -> dict[str, Any]:
    try:
        plan = json.loads(str(text or ""))
    except (ValueError, RecursionError):
        return dict(NO_PLAN)
    planned = plan.get("servers") if isinstance(plan, dict) else None
    if not isinstance(planned, list) or not all(map(_is_server, planned)) or deeper_than(plan, DEEPEST):
        return dict(NO_PLAN)
    return {**plan, "servers": [{**one, "port": int(one["port"])} for one in planned]}


def _is_server(planned: Any) -> bool:
    try:
        return isinstance(planned, dict) and int(planned["port"]) in PORTS
    except (KeyError, TypeError, ValueError, OverflowError):
        return False


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"saved_plan": saved_plan}
