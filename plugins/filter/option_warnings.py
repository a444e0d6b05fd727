# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible_collections.whisperops.gpu.plugins.filter.deployment_changes import model_files
from ansible_collections.whisperops.gpu.plugins.filter.server_command import server_command


def option_warnings(plan: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    return server_command(plan, options, model_files(plan, options)[0])["warnings"]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"option_warnings": option_warnings}
