# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control node's side of server_proof: judges what the host answers, and says it."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.whisperops.gpu.plugins.plugin_utils import _proof_failure


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables, given = task_vars or {}, self._task.args
        answer = self._execute_module(module_name="whisperops.gpu.server_proof", task_vars=variables)
        if answer.get("failed") and "servers" not in answer:
            return {**result, **answer}
        judged = _proof_failure.judged(given["servers"], answer, given["expected_text"], float(given["similarity"]))
        for line in judged.lines:
            self._display.display(f"  {variables['inventory_hostname']}  {line}")
        result.update(changed=False, servers=judged.proofs)
        if judged.failures:
            result.update(failed=True, msg="\n".join(judged.failures))
        return result
