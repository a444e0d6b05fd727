# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.whisperops.gpu.plugins.plugin_utils._facts import overriding
from ansible_collections.whisperops.gpu.plugins.plugin_utils._sanitize import sanitize_line


def overriding_facts(facts: Any) -> list[str]:
    return [sanitize_line(name, 200) for name in overriding(facts)]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"overriding_facts": overriding_facts}
