# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterable, Mapping

from ansible.errors import AnsibleFilterError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import filter_loader
from ansible_collections.whisperops.gpu.plugins.filter.proxy_environment import proxy_environment
from ansible_collections.whisperops.gpu.plugins.plugin_utils._collection import ROOT
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.inputs import fingerprint
from ansible_collections.whisperops.gpu.plugins.plugin_utils._sanitize import sanitize_line
from ansible_collections.whisperops.gpu.plugins.plugin_utils._variables.check import candidates, faults, is_default
from ansible_collections.whisperops.gpu.plugins.plugin_utils._variables.specification import specification

ARGUMENTS: dict[str, dict[str, Any]] = {"ignore": {"type": "list", "elements": "str", "default": []}}
LONGEST_FAULT = 1000
# Its specification says that it is a dictionary; a task's environment cannot say what is wrong in it.
PROXY = "whisper_proxy"


def load() -> None:
    """What every host needs.

    Ansible loads this plugin before it forks a process for each host and task, so that none of them reads and compiles
    the same files again: the specifications, the sources that the fingerprint is of, and the filters. For the first
    filter of a collection that a process uses, Ansible loads all of them.
    """
    specification()
    fingerprint(ROOT)
    # Without Ansible's collection loader, as in unit tests, there is no filter to load.
    with contextlib.suppress(KeyError):
        filter_loader.get("whisperops.gpu.deployment_plan")


load()


def check(
    variables: Mapping[str, Any], template: Callable[[Any], Any], ignored: Iterable[str] = ()
) -> tuple[list[str], str]:
    """The names that are ours and no defaults, and a line for each fault of a host's variables."""
    ours = candidates(variables, specification(), ignored)
    names = [name for name in ours if not is_default(name, variables[name], specification())]
    found: list[Exception] = [*faults(names, lambda name: template(variables[name]), specification())]
    if PROXY in names:
        try:
            proxy_environment(template(variables[PROXY]))
        except AnsibleFilterError as error:
            found.append(error)
    return names, "\n".join(sanitize_line(fault, LONGEST_FAULT) for fault in found)


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _unused, given = self.validate_argument_spec(ARGUMENTS)
        names, wrong = check(task_vars or {}, self._templar.template, given["ignore"])
        result.update(changed=False, variables=names)
        if wrong:
            result.update(failed=True, msg=wrong)
        return result
