# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import changes


def roles_to_apply(found: Any) -> list[str]:
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise AnsibleFilterError(
            f"whisperops.gpu.roles_to_apply: got {type(found).__name__};"
            " allowed: the result of whisperops.gpu.deployment_changes."
        )
    return changes.roles_to_apply(found)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"roles_to_apply": roles_to_apply}
