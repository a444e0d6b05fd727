# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError


def failure_message(result: Any) -> str:
    """What a failed task said. A loop says only that an item failed: then what the first such item said."""
    if not isinstance(result, Mapping):
        raise AnsibleFilterError(
            f"whisperops.gpu.failure_message: got {type(result).__name__}; allowed: the result of a failed task."
        )
    items = [item for item in result.get("results") or () if isinstance(item, Mapping) and item.get("failed")]
    said = (str(one.get("msg") or "") for one in [*items, result])
    return next((text for text in said if text), "the task gave no message")


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"failure_message": failure_message}
