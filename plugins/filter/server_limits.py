# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.module_utils._host.limits import limits
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import server_limits as plan_limits
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError

_VARIABLES = {
    "memory": "whisper_server_memory_limit_mib",
    "processes": "whisper_server_pids_limit",
}


def server_limits(
    host_info: Mapping[str, Any], plan: Mapping[str, Any], options: Mapping[str, Any], host: str
) -> dict[str, Any]:
    """The limits of each server's container, in the words of community.docker.docker_container.

    ``host_info`` is that of community.docker.docker_host_info, empty where no engine answers.
    """
    try:
        found = plan_limits.server_limits(plan, options, limits(host_info))
    except PlanInputError as error:
        raise AnsibleFilterError(str(error)) from None
    return {
        "memory": f"{found.memory_mib}M" if found.memory_mib else None,
        "memory_swap": f"{found.memory_and_swap_mib}M" if found.memory_and_swap_mib else None,
        "pids_limit": found.processes,
        "label": found.label,
        "warnings": [_warning(name, host) for name in found.unsupported],
    }


def _warning(name: str, host: str) -> str:
    problem = Problem.documented(
        "server_limit_unsupported",
        f"Docker Engine on {host} cannot limit the {name} of a container. Its servers run without that limit.",
        f"Enable the controller of cgroups in the kernel, or accept it: {_VARIABLES[name]}: -1.",
    )
    return str(problem)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"server_limits": server_limits}
