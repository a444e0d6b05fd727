# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import server_command as plan_command
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError


def server_command(plan: Mapping[str, Any], options: Mapping[str, Any], model_file: str) -> dict[str, list[str]]:
    try:
        found = plan_command.server_command(plan, options, model_file)
    except PlanInputError as error:
        raise AnsibleFilterError(str(error)) from None
    return found._asdict()


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"server_command": server_command}
