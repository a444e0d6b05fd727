# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control node's side of image_build: looks at the build every few seconds and says how far it is."""

from __future__ import annotations

import time
from typing import Any, Mapping, Tuple

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.whisperops.gpu.plugins.plugin_utils._sanitize import (
    LONGEST_MESSAGE,
    LONGEST_TEXT,
    sanitize,
    sanitize_line,
)

# A line at least this often, so that nobody takes a long step for a standstill.
LONGEST_SILENCE_SECONDS = 30


NONE = type(None)
Form = Mapping[str, Tuple[type, ...]]
# What the module gives of a build, and of one that has ended. A host may answer with anything.
FORM: Form = {"building": (str, NONE), "image": (str,), "progress": (dict,), "running": (bool,)}
FORM_OF_END: Form = {
    "failure": (str, NONE),
    "log": (str,),
    "rc": (int, NONE),
    "changed": (bool,),
}


def line(host: str, seconds: float, look: Mapping[str, Any]) -> str:
    progress = look["progress"]
    minutes, rest = divmod(int(seconds), 60)
    step = f"step {progress.get('step')} of {progress['steps']}, " if progress.get("steps") else ""
    other = "" if look["building"] == look["image"] else f"waits for {look['building']}, "
    return f"  {host}  {minutes}:{rest:02d}  " + sanitize_line(f"{other}{step}{progress.get('doing')}", LONGEST_TEXT)


def refused(looked: Mapping[str, Any], form: Form) -> dict[str, Any] | None:
    """A failure, where the answer is not of the module's form."""
    odd = sorted(key for key, kinds in form.items() if not isinstance(looked.get(key), kinds))
    if not odd:
        return None
    error = AnsibleActionFail(
        f"build_failed: the host's answer about its build is not one of image_build ({', '.join(odd)}). Look at the"
        " host: its Python or its files may have been changed."
    )
    return {"failed": True, "msg": str(error)}


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        looked = self._look("start", variables)
        if looked.get("failed") or self._task.check_mode:
            return {**result, **looked}
        began = shown_at = time.monotonic()
        shown: Any = None
        while looked["running"] or looked["building"] != looked["image"]:
            seconds = time.monotonic() - began
            if looked["progress"] != shown or time.monotonic() - shown_at > LONGEST_SILENCE_SECONDS:
                shown, shown_at = looked["progress"], time.monotonic()
                self._display.display(line(variables["inventory_hostname"], seconds, looked))
            time.sleep(int(self._task.args.get("interval", 5)))
            # Somebody else's build of another image came first: ours is started when that one has ended.
            looked = self._look("look" if looked["building"] == looked["image"] else "start", variables)
            if looked.get("failed"):
                return {**result, **looked}
        odd = refused(looked, FORM_OF_END)
        if odd:
            return {**result, **odd}
        if looked["rc"] != 0:
            failure = looked["failure"] or "build_failed"
            result.update(failed=True, msg=sanitize(failure, LONGEST_MESSAGE, "are in the log"))
        result.update({key: looked[key] for key in ("changed", "image", "log", "rc")})
        result["seconds"] = round(time.monotonic() - began, 1)
        return result

    def _look(self, phase: str, variables: dict[str, Any]) -> dict[str, Any]:
        looked: dict[str, Any] = self._execute_module(
            module_name="whisperops.gpu.image_build",
            module_args={**self._task.args, "phase": phase},
            task_vars=variables,
        )
        if looked.get("failed") or self._task.check_mode:
            return looked
        return refused(looked, FORM) or looked
