# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping

from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.change import line


def change_lines(changes: Iterable[Mapping[str, Any]]) -> list[str]:
    return [line(change) for change in changes]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"change_lines": change_lines}
