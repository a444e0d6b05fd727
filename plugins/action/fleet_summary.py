# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible_collections.whisperops.gpu.plugins.filter.change_lines import change_lines
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.planned import planned
from ansible_collections.whisperops.gpu.plugins.plugin_utils._summary import summary

CALLBACK = "whisperops.gpu.summary"
FACT = "whisper_summary"
# Of what stands next to the servers.
CHANGES = (
    "whisper_api_changes",
    "whisper_gateway_agent_changes",
    "whisper_gateway_changes",
    "gpu_metrics_changes",
)


def summaries(hosts: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Those of all hosts in one, in their order; a host that has none did not come so far."""
    told = {host: one for host in hosts if host in hostvars and (one := _summary(hostvars[host]))}
    to_change = {host: _changes(hostvars[host]) for host, one in told.items() if one.get("planned")}
    given = {
        part: {host: one[part] for host, one in told.items() if one.get(part) is not None}
        for part in ("reasons", "changes", "problems")
    }
    return {
        "rows": [row for one in told.values() for row in one["rows"]],
        **given,
        "changes": {**given["changes"], **to_change},
    }


def _summary(facts: Mapping[str, Any]) -> Any:
    return facts.get(FACT) or planned(facts).get("summary")


def _changes(facts: Mapping[str, Any]) -> list[str]:
    servers = facts.get("whisper_plan_changes", planned(facts).get("changes", []))
    return change_lines([*servers, *(change for name in CHANGES if name in facts for change in facts[name])])


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _unused, given = self.validate_argument_spec({"hosts": {"type": "list", "elements": "str", "required": True}})
        found = summaries(given["hosts"], (task_vars or {})["hostvars"])
        if CALLBACK not in constants.config.get_config_value("CALLBACKS_ENABLED"):
            for line in summary(found["rows"], found["reasons"], found["problems"], found["changes"]):
                self._display.display(line.text, color=line.color)
        data = {f"whisperops_{'summary' if part == 'rows' else part}": value for part, value in found.items()}
        return {**result, "changed": False, "ansible_stats": {"data": data, "per_host": False, "aggregate": False}}
