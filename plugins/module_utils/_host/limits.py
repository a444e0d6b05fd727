# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Docker Engine can limit on a host."""

from __future__ import annotations

from typing import Any, Mapping

_MIB = 1024 * 1024


def limits(information: Mapping[str, Any]) -> dict[str, Any]:
    """The host's memory, and which limits of a container the engine can set; from the answer to ``docker info``.

    An engine that says nothing of a limit is taken to be able to set it.
    """
    total = information.get("MemTotal")
    return {
        "memory_total_mib": total // _MIB if isinstance(total, int) and total > 0 else None,
        "memory": information.get("MemoryLimit") is not False,
        "swap": information.get("SwapLimit") is not False,
        "processes": information.get("PidsLimit") is not False,
    }
