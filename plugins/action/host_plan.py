# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import posixpath
from typing import Any, Mapping

from ansible.errors import AnsibleFilterError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader
from ansible_collections.whisperops.gpu.plugins.action.assert_variables import check
from ansible_collections.whisperops.gpu.plugins.filter.deployment_changes import deployment_changes
from ansible_collections.whisperops.gpu.plugins.filter.deployment_plan import deployment_plan
from ansible_collections.whisperops.gpu.plugins.filter.host_problems import host_problems
from ansible_collections.whisperops.gpu.plugins.filter.plan_rows import plan_rows
from ansible_collections.whisperops.gpu.plugins.filter.plan_summary import plan_summary
from ansible_collections.whisperops.gpu.plugins.filter.server_command import server_command
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import applied, change, languages
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.model_files import (
    has_several,
    model_files,
    models_of,
    plan_of,
)
from ansible_collections.whisperops.gpu.plugins.plugin_utils._sanitize import sanitize_line

# The file that role whisper_proof brings along.
OWN_AUDIO = "jfk.wav"
LONGEST_PROOF = 60
OBSERVER = "whisperops.gpu.whisper_host_info"
ARGUMENTS: dict[str, dict[str, Any]] = {
    "host": {"type": "dict"},
    "observe": {"type": "dict", "default": {}},
    "prove": {"type": "bool", "default": False},
    "catalogue": {"type": "list", "elements": "dict"},
    "policy": {"type": "dict", "default": {}},
    "measured": {"type": "dict"},
    "retry_crashed": {"type": "bool", "default": False},
    "whisper_version": {"type": "str"},
}


def option_warnings(plan: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    """What a variable of role whisper_server does with a planned model that nobody may expect."""
    files = list(zip(models_of(plan), (one.file for one in model_files(plan, options))))
    found = [text for model, file in files for text in server_command(plan_of(plan, model), options, file)["warnings"]]
    language = options["whisper_proof_language"]
    deaf = [model for model, file in files if languages.english_only(file)]
    if has_several(plan) and deaf and language and languages.code_of(language) != languages.ENGLISH:
        found.append(
            f"whisper_proof_language is {language}, and {', '.join(deaf)} speaks English alone, so that the proof of"
            " its servers would fail. Set whisper_proof_audio to English speech."
        )
    return found


def proof_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """As role whisper_proof has them. What takes longer than a minute is left to the proof after the changes."""
    audio = options["whisper_proof_audio"]
    return {
        "audio": posixpath.join(options["whisper_proof_speech_dir"], posixpath.basename(audio)),
        "expected_text": options["whisper_proof_text"],
        "similarity": options["whisper_proof_similarity"],
        "language": options["whisper_proof_language"] or ("en" if audio == OWN_AUDIO else None),
        "timeout_seconds": min(int(options["whisper_proof_timeout_seconds"]), LONGEST_PROOF),
        "watch_seconds": options["whisper_proof_watch_seconds"],
    }


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    TRANSFERS_FILES = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _unused, given = self.validate_argument_spec(ARGUMENTS)
        variables, host = task_vars or {}, given["host"]
        if host is None:
            _names, wrong = check(variables, self._templar.template)
            if wrong:
                return {**result, "failed": True, "msg": wrong, "observed": False}
        # Not an argument: it has the values of variables that may be secrets.
        lookup = lookup_loader.get("whisperops.gpu.deployment_inputs", loader=self._loader, templar=self._templar)
        (wanted,) = lookup.run([], variables=variables)
        if host is None:
            prove = {"prove": proof_settings(wanted["options"])} if given["prove"] else {}
            host = self._execute_module(OBSERVER, module_args={**given["observe"], **prove}, task_vars=variables)
            if host.get("failed"):
                # Whatever it answers, it plans nothing.
                return {**result, **host, "planned": {}}
        try:
            planned = self._planned(host, given, wanted, variables["inventory_hostname"])
        except AnsibleFilterError as error:
            # Without what the host answered, of which Ansible would show every line.
            return {**result, "failed": True, "msg": str(error), "observed": True}
        # A check is no change.
        changed = self._task.check_mode and any(one["action"] != "check" for one in planned["changes"])
        return {**result, **host, "changed": changed, "planned": planned}

    def _planned(
        self, host: Mapping[str, Any], given: Mapping[str, Any], wanted: Mapping[str, Any], name: str
    ) -> dict[str, Any]:
        # Values of Ansible have types of its own, which no message is to name.
        catalogue, policy = json.loads(json.dumps([given["catalogue"], given["policy"]]))
        crashed, recorded = applied.crashed_images(host), applied.recorded_facts(host)
        unavailable = {} if given["retry_crashed"] else {image: one.get("reason") for image, one in crashed.items()}
        if unavailable:
            policy = {**policy, "unavailable": {**policy.get("unavailable", {}), **unavailable}}
        measured = recorded.get("measured") or {} if given["measured"] is None else given["measured"]
        facts = {**host["gpu"], "cores": host.get("cores")}
        plan = deployment_plan(facts, catalogue, policy, measured, given["whisper_version"])
        possible = plan["verdict"] != "impossible"
        changes = deployment_changes(host, plan, wanted) if possible else []
        warnings = option_warnings(plan, wanted["options"]) if possible else []
        rejected = [f"rejected: {': '.join(str(value) for value in one.values() if value)}" for one in plan["rejected"]]
        lines = [*plan["warnings"], *warnings, *plan["reasons"], *rejected, *(change.line(one) for one in changes)]
        for line in lines:
            self._display.display(f"  {name}  {sanitize_line(line)}")
        return {
            "plan": plan,
            "changes": changes,
            "inputs": wanted["inputs"],
            "recorded": recorded,
            "crashed": crashed,
            "unavailable": unavailable,
            "summary": {
                "rows": plan_rows(host["gpu"], plan, name),
                "reasons": plan_summary(plan)["why"],
                "problems": host_problems(host["gpu"], plan),
                "planned": True,
            },
        }
