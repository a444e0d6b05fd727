# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control node's side of server_proof: judges what the host answers, and says it."""

from __future__ import annotations

from typing import Any, Mapping

from ansible.plugins.action import ActionBase
from ansible_collections.whisperops.gpu.plugins.plugin_utils import _proof_failure


def _which(server: Mapping[str, Any]) -> tuple[Any, Any]:
    return server.get("url"), server.get("gpu") or None


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables, given = task_vars or {}, self._task.args
        judged = self._known(given)
        if judged is None or judged.failures:
            answer = self._execute_module(module_name="whisperops.gpu.server_proof", task_vars=variables)
            if answer.get("failed") and "servers" not in answer:
                return {**result, **answer}
            judged = self._judged(answer, given)
        for line in judged.lines:
            self._display.display(f"  {variables['inventory_hostname']}  {line}")
        result.update(changed=False, servers=judged.proofs)
        if judged.failures:
            result.update(failed=True, msg="\n".join(judged.failures))
        return result

    def _known(self, given: Mapping[str, Any]) -> _proof_failure.Judged | None:
        """None where it is not of these servers."""
        known = [one for one in given.get("known") or [] if isinstance(one, Mapping)]
        if [_which(one) for one in known] != [_which(server) for server in given["servers"]]:
            return None
        return self._judged({"servers": known}, given)

    @staticmethod
    def _judged(answer: Mapping[str, Any], given: Mapping[str, Any]) -> _proof_failure.Judged:
        return _proof_failure.judged(given["servers"], answer, given["expected_text"], float(given["similarity"]))
