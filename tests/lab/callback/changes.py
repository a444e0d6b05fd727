"""Records what a run said it would change and what it changed, so that a test can hold the one to the other."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible import context
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: changes
type: aggregate
short_description: Record the predicted and the observed changes
description:
  - Writes C(check.json) or, for the first real run after it, C(run.json) to the folder E(LAB_CHANGES).
  - For each host it has C(list), the lists of changes as one; C(host), the host as it was before; and C(tasks), the
    names of the tasks that changed something and that the list does not speak for, next to C(listed_tasks).
"""

# What the lists of changes speak for. Of what Prometheus gets, check mode runs the tasks themselves.
LISTED = {"whisper_plan", "whisper_deployment", "docker_engine", "nvidia_container_toolkit"}
LISTED |= {"whisper_image", "whisper_server", "whisper_proof", "whisper_api", "whisper_gateway", "gpu_metrics"}
LISTS = ("whisper_plan_changes", "whisper_api_changes", "whisper_gateway_agent_changes", "whisper_gateway_changes")
LISTS += ("gpu_metrics_changes",)
OBSERVERS = ("whisperops.gpu.host_plan", "whisperops.gpu.whisper_host_info")
UNLISTED = "/gpu_metrics/tasks/rules.yml:"


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible-core ships no types
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "changes"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._playbook = self._play = ""
        self._hosts: dict[str, dict[str, Any]] = {}

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self._playbook = Path(playbook._file_name).name

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._play = play.get_name()

    def v2_runner_on_ok(self, result: Any) -> None:
        # What a scenario does to the lab itself is none of the collection's changes.
        if self._play.startswith("Lab:"):
            return
        host = self._hosts.setdefault(
            result.host.get_name(), {"list": None, "lists": [], "host": None, "tasks": [], "listed_tasks": []}
        )
        facts = result.result.get("ansible_facts") or {}
        # As it was before anything was made.
        if result.task.action in OBSERVERS and host["host"] is None:
            host["host"] = result.result
        for name in LISTS:
            if name in facts and name not in host["lists"]:
                host["lists"].append(name)
                host["list"] = [*(host["list"] or []), *facts[name]]
        role = result.task._role.get_name(include_role_fqcn=False) if result.task._role else None
        if result.is_changed():
            kind = "listed_tasks" if role in LISTED and UNLISTED not in result.task.get_path() else "tasks"
            host[kind] = sorted({*host[kind], result.task.get_name()})

    def v2_playbook_on_stats(self, stats: Any) -> None:
        folder = Path(os.environ["LAB_CHANGES"])
        name = "check.json" if context.CLIARGS["check"] else "run.json"
        if self._playbook == "converge.yml" and not (folder / name).exists():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(json.dumps(self._hosts, indent=1, default=str))
