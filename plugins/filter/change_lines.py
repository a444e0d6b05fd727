# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import change


def change_lines(found: Any) -> list[str]:
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise AnsibleFilterError(
            f"whisperops.gpu.change_lines: got {type(found).__name__};"
            " allowed: the result of whisperops.gpu.deployment_changes."
        )
    return [change.line(one) for one in found]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"change_lines": change_lines}
