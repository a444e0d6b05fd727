# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import changes
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError


def deployment_changes(host: Any, plan: Any, inputs: Any) -> list[dict[str, Any]]:
    for name, value in (("host", host), ("plan", plan), ("inputs", inputs)):
        if not isinstance(value, Mapping):
            raise AnsibleFilterError(
                f"whisperops.gpu.deployment_changes: {name}: got {type(value).__name__}; allowed: the results of"
                " whisperops.gpu.whisper_host_info, whisperops.gpu.deployment_plan and"
                " whisperops.gpu.deployment_inputs."
            )
    try:
        return [change.to_dict() for change in changes.deployment_changes(host, plan, inputs)]
    except PlanInputError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"deployment_changes": deployment_changes}
