# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any, Callable

from ansible_collections.whisperops.gpu.plugins.filter.failure_message import failure_message

# What the C library says of ENOSPC, which Docker Engine passes on as a text and nowhere as a code.
NO_SPACE = re.compile(r"\bno space left on device\b", re.IGNORECASE)


def failure_reason(result: Any) -> str:
    """The reason that a module gave for its failure; otherwise ``disk`` where its message tells of a full disk."""
    message = failure_message(result)
    return str(result.get("reason") or ("disk" if NO_SPACE.search(message) else ""))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"failure_reason": failure_reason}
