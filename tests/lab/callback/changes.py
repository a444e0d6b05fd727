"""Records which tasks changed which host, so that a test can hold what check mode predicted to what then happened."""

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
short_description: Record which tasks changed which host
description:
  - Writes C(check.json) or, for the first real run after it, C(run.json) to the folder E(LAB_CHANGES).
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]  # ansible-core ships no types
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "changes"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._playbook = self._play = ""
        self._changes: dict[str, set[str]] = {}

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self._playbook = Path(playbook._file_name).name

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._play = play.get_name()

    def v2_runner_on_ok(self, result: Any) -> None:
        # What a scenario does to the lab itself is none of the collection's changes.
        if result.is_changed() and not self._play.startswith("Lab:"):
            self._changes.setdefault(result.host.get_name(), set()).add(result.task.get_name())

    def v2_playbook_on_stats(self, stats: Any) -> None:
        folder = Path(os.environ["LAB_CHANGES"])
        name = "check.json" if context.CLIARGS["check"] else "run.json"
        if self._playbook == "converge.yml" and not (folder / name).exists():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(
                json.dumps({host: sorted(names) for host, names in self._changes.items()}, indent=1)
            )
