# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of host_lock: names this run, and tells whether the run that has the lock has ended."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Mapping

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.whisperops.gpu.plugins.plugin_utils._controller_process import has_ended, this_run
from ansible_collections.whisperops.gpu.plugins.plugin_utils._sanitize import LONGEST_CELL, sanitize_line


def in_progress(holder: Mapping[str, Any], host: str, path: str) -> AnsibleError:
    user, node, process, since = (
        sanitize_line(holder.get(key, "unknown"), LONGEST_CELL) for key in ("user", "control_node", "process", "since")
    )
    return AnsibleError(
        f"run_in_progress: {user}@{node} (process {process}) is at work on {host} since {since}. Wait until that run"
        f" has ended. If it was killed, remove {path} on {host}. Nothing was touched."
    )


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        if self._task.check_mode:
            return {**result, "changed": False, "acquired": False}
        host = str(variables["inventory_hostname"])
        # One host under two names of an inventory is locked against itself.
        run = {**this_run(), "host": host, "since": f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"}
        answer = self._ask({"run": run}, variables)
        holder = answer.get("holder")
        if isinstance(holder, Mapping) and has_ended(holder):
            # Another run may have come in between, so that the host compares once more.
            answer = self._ask({"run": run, "ended": dict(holder)}, variables)
            holder = answer.get("holder")
        if answer.get("failed") or not isinstance(holder, Mapping):
            return {**result, **answer}
        error = in_progress(holder, host, str(self._task.args.get("path", "/run/whisperops.lock")))
        return {**result, "failed": True, "acquired": False, "holder": dict(holder), "msg": str(error)}

    def _ask(self, arguments: Mapping[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._execute_module(
            module_name="whisperops.gpu.host_lock",
            module_args={**self._task.args, **arguments},
            task_vars=variables,
        )
        return answer
