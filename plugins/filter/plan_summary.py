# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError


def plan_summary(plan: Any) -> dict[str, str]:
    if not isinstance(plan, Mapping) or not plan.get("verdict"):
        raise AnsibleFilterError(
            f"whisperops.gpu.plan_summary: got {type(plan).__name__}; "
            "allowed: the result of whisperops.gpu.deployment_plan."
        )
    verdict = str(plan["verdict"])
    return {
        "image": str(plan.get("image") or "-"),
        "verdict": verdict.upper() if verdict in {"cpu", "impossible"} else verdict,
        "why": " ".join(str(reason) for reason in plan.get("reasons") or ()),
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"plan_summary": plan_summary}
