# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import plan
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError


def deployment_plan(
    gpu_info: Any, catalogue: Any = None, policy: Any = None, measured: Any = None, whisper_version: Any = None
) -> dict[str, Any]:
    try:
        return plan.deployment_plan(
            gpu_info, catalogue=catalogue, policy=policy, measured=measured, whisper_version=whisper_version
        )
    except PlanInputError as error:
        raise AnsibleFilterError(f"whisperops.gpu.deployment_plan: {error}") from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"deployment_plan": deployment_plan}
