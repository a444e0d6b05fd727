# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.servers import PlanError, parse_plan


def saved_plan(text: Any) -> dict[str, Any]:
    try:
        return parse_plan(str(text or ""))
    except PlanError:
        return {"servers": [], "gpus": []}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"saved_plan": saved_plan}
