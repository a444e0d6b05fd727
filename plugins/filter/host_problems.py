# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError


def host_problems(gpu_info: Any, plan: Any) -> list[str]:
    if not isinstance(gpu_info, Mapping) or not isinstance(plan, Mapping):
        raise AnsibleFilterError(
            f"whisperops.gpu.host_problems: got {type(gpu_info).__name__} and {type(plan).__name__}; allowed: the"
            " results of whisperops.gpu.nvidia_gpu_info and whisperops.gpu.deployment_plan."
        )
    # A host that serves from the CPU because it has no GPU is as it should be.
    expected = {"no_gpu"} if plan.get("runtime") == "cpu" and not gpu_info.get("gpu_present") else set()
    return [
        "{}: {} {}".format(problem.get("code"), problem.get("message"), problem.get("remedy") or "").strip()
        for problem in gpu_info.get("problems") or ()
        if problem.get("code") not in expected
    ]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"host_problems": host_problems}
