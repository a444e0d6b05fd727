# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.plan_failure import plan_failure


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"plan_failure": plan_failure}
