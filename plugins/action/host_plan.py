# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any, Mapping

from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader
from ansible_collections.whisperops.gpu.plugins.filter.deployment_changes import deployment_changes, model_files
from ansible_collections.whisperops.gpu.plugins.filter.deployment_plan import deployment_plan
from ansible_collections.whisperops.gpu.plugins.filter.server_command import server_command
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import applied, change
from ansible_collections.whisperops.gpu.plugins.plugin_utils._sanitize import sanitize_line

ARGUMENTS: dict[str, dict[str, Any]] = {
    "host": {"type": "dict", "required": True},
    "catalogue": {"type": "list", "elements": "dict"},
    "policy": {"type": "dict", "default": {}},
    "measured": {"type": "dict"},
    "retry_crashed": {"type": "bool", "default": False},
    "whisper_version": {"type": "str"},
}


def option_warnings(plan: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    """What a variable of role whisper_server does with the planned model that nobody may expect."""
    return server_command(plan, options, model_files(plan, options)[0])["warnings"]


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _unused, given = self.validate_argument_spec(ARGUMENTS)
        # Values of Ansible have types of its own, which no message is to name.
        catalogue, policy = json.loads(json.dumps([given["catalogue"], given["policy"]]))
        variables, host = task_vars or {}, given["host"]
        crashed, recorded = applied.crashed_images(host), applied.recorded_facts(host)
        unavailable = {} if given["retry_crashed"] else {image: one.get("reason") for image, one in crashed.items()}
        if unavailable:
            policy = {**policy, "unavailable": {**policy.get("unavailable", {}), **unavailable}}
        measured = recorded.get("measured") or {} if given["measured"] is None else given["measured"]
        plan = deployment_plan(host["gpu"], catalogue, policy, measured, given["whisper_version"])
        # Not an argument: it has the values of variables that may be secrets.
        lookup = lookup_loader.get("whisperops.gpu.deployment_inputs", loader=self._loader, templar=self._templar)
        (wanted,) = lookup.run([], variables=variables)
        possible = plan["verdict"] != "impossible"
        changes = deployment_changes(host, plan, wanted) if possible else []
        warnings = option_warnings(plan, wanted["options"]) if possible else []
        rejected = [f"rejected: {': '.join(str(value) for value in one.values() if value)}" for one in plan["rejected"]]
        lines = [*plan["warnings"], *warnings, *plan["reasons"], *rejected, *(change.line(one) for one in changes)]
        for line in lines:
            self._display.display(f"  {variables['inventory_hostname']}  {sanitize_line(line)}")
        # A check is no change.
        changed = self._task.check_mode and any(one["action"] != "check" for one in changes)
        result.update(changed=changed, plan=plan, changes=changes, inputs=wanted["inputs"])
        result.update(recorded=recorded, crashed=crashed, unavailable=unavailable)
        return result
