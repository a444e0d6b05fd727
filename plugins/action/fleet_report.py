# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.whisperops.gpu.plugins.plugin_utils import _facts
from ansible_collections.whisperops.gpu.plugins.plugin_utils._report import records, report
from ansible_collections.whisperops.gpu.plugins.plugin_utils._sanitize import sanitize

ARGUMENTS: dict[str, dict[str, Any]] = {
    "dir": {"type": "path", "required": True},
    "gpu_info": {"type": "dict"},
    "plan": {"type": "dict"},
    "image": {"type": "dict"},
    "proof": {"type": "list", "elements": "dict"},
    "benchmark": {"type": "dict"},
    "error": {"type": "str"},
    "unfinished": {"type": "list", "elements": "str", "default": []},
    "render": {"type": "bool", "default": False},
    "hosts": {"type": "list", "elements": "str"},
}
UNFINISHED = (
    "This host did not get to the end of the run. What stopped it is in the run's output; with the callback"
    " whisperops.gpu.fleet_report enabled it stands here."
)


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _unused, given = self.validate_argument_spec(ARGUMENTS)
        # Nothing changes on any host: a run that only writes its report has changed nothing.
        result["changed"] = False
        if self._task.check_mode:
            return {**result, "skipped": True, "msg": "A prediction is not recorded."}
        overriding = _facts.overriding((task_vars or {}).get("ansible_facts"))
        if overriding:
            error = AnsibleActionFail(
                f"facts_override_variables: the host sends facts with names of variables ({', '.join(overriding)}),"
                " which may outrank the inventory. Nothing was written. Look at the host: no module of Ansible or of"
                " this collection sends such facts. Set inject_facts_as_vars = false in ansible.cfg."
            )
            return {**result, "failed": True, "msg": sanitize(error)}
        directory, now = Path(os.path.abspath(given["dir"])), report.now()
        try:
            if given["render"]:
                for host in given["unfinished"]:
                    records.record_host(directory, host, {}, UNFINISHED, now)
                written = report.write_report(directory, given["hosts"], now)
                # The callback of the same name says it after everything else.
                if "whisperops.gpu.fleet_report" not in constants.CALLBACKS_ENABLED:
                    self._display.display(f"report: {written.html}")
                return {**result, "html": written.html, "json": written.json, "hosts": written.hosts}
            host = str((task_vars or {})["inventory_hostname"])
            records.record_host(directory, host, {part: given[part] for part in records.PARTS}, given["error"], now)
        except records.ReportError as error:
            return {**result, "failed": True, "msg": str(error)}
        return {**result, "record": str(records.file_of(directory, host))}
