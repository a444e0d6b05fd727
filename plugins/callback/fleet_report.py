# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_report
type: aggregate
short_description: Record failed hosts in the fleet report and show the path of the report
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - A host that fails or cannot be reached takes no part in the rest of a play, so no task can record why. This callback
    sees it, records it beside what was learnt of the host before, and renders the report again.
  - Acts only in playbooks that have begun a report, with the task file C(begin) of the role
    P(whisperops.gpu.fleet_report#role).
  - Needs to be enabled.
requirements:
  - C(callbacks_enabled = whisperops.gpu.fleet_report) in the C([defaults]) of C(ansible.cfg).
"""

import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase
from ansible_collections.whisperops.gpu.plugins.callback.summary import message
from ansible_collections.whisperops.gpu.plugins.plugin_utils._report import problems, records, report
from ansible_collections.whisperops.gpu.plugins.plugin_utils._sanitize import sanitize_line


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible-core ships no types
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "whisperops.gpu.fleet_report"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._errors: dict[str, str] = {}
        self._learnt: dict[str, dict[str, Any]] = {}

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            # Without a message the task's name is all there is.
            self._errors[result.host.get_name()] = message(result.result) or f"{result.task.get_name()} failed"

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._errors[result.host.get_name()] = problems.UNREACHABLE + str(result.result.get("msg", ""))

    def v2_runner_on_ok(self, result: Any) -> None:
        learnt = self._learnt.setdefault(result.host.get_name(), {})
        action = result.task.resolved_action
        if action == "whisperops.gpu.nvidia_gpu_info" and "gpus" in result.result:
            learnt["gpu_info"] = dict(result.result)
        # A host may send facts with any answer; the plan is made on the control node, and again by the role.
        plan = None
        if action == "whisperops.gpu.host_plan":
            learnt["gpu_info"], plan = dict(result.result["gpu"]), result.result["planned"]["plan"]
        elif action == "ansible.builtin.set_fact":
            plan = (result.result.get("ansible_facts") or {}).get("whisper_plan")
        if isinstance(plan, dict) and plan:
            learnt["plan"] = dict(plan)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        begun = stats.custom.get("_run", {}).get("whisperops_report")
        if not begun or begun["check_mode"]:
            return
        directory, now = Path(os.path.abspath(begun["dir"])), report.now()
        # A failure that a rescue has dealt with is none.
        failed = [host for host in self._errors if stats.failures.get(host) or stats.dark.get(host)]
        try:
            for host in failed:
                records.record_host(directory, host, self._learnt.get(host, {}), self._errors[host], now)
            if failed:
                report.write_report(directory, begun["hosts"], now)
        except records.ReportError as error:
            self._display.error(sanitize_line(error))
            return
        page = directory / "fleet.html"
        if page.exists():
            self._display.display(f"\nreport: {sanitize_line(page)}")
