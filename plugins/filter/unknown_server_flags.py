# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.server_help import unknown_flags


def unknown_server_flags(result: Mapping[str, Any], arguments: Sequence[str], image: str) -> list[str]:
    """``result`` is that of a container that has run, or what a failure to run it has left."""
    output = (result.get("container") or {}).get("Output")
    return unknown_flags(output if isinstance(output, str) else "", arguments, image)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"unknown_server_flags": unknown_server_flags}
