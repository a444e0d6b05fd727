# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

# Room that stays free of what the driver calls the whole memory of a GPU.
USABLE = 0.95
# What counts as more throughput and not as chance.
GAIN = 1.02
# So many numbers in a row without more throughput end the search.
PATIENCE = 2


def instances_worthwhile(points: Sequence[Mapping[str, Any]], count: int, gpu: Mapping[str, Any]) -> bool:
    """Whether ``count`` servers on one GPU are worth measuring after those in ``points``.

    They must fit its memory, each with what a server of the last number took, and the last two numbers must have
    brought more throughput than all before. ``gpu`` is as it is without the servers.
    """
    used = gpu.get("memory_used_mib") or 0
    total = gpu.get("memory_total_mib") or 0
    each = ((points[-1].get("memory_mib") or 0) - used) / points[-1]["servers"] if points else 0
    rates = [point["throughput"] for point in points]
    rises = len(rates) <= PATIENCE or max(rates[-PATIENCE:]) > max(rates[:-PATIENCE]) * GAIN
    return bool(used + int(count) * each <= total * USABLE and rises)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"instances_worthwhile": instances_worthwhile}
