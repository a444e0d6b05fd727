# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ansible.errors import AnsibleFilterError

# Fewer servers that come this near to the most throughput are better: each costs memory.
NEAR = 0.98


def best_instances(points: Sequence[Mapping[str, Any]]) -> int:
    """The smallest number of servers, of those measured, with (nearly) the most throughput."""
    if not points:
        raise AnsibleFilterError("whisperops.gpu.best_instances: got no measurements; allowed: one or more.")
    most = max(point["throughput"] for point in points)
    return int(next(point["servers"] for point in points if point["throughput"] >= most * NEAR))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"best_instances": best_instances}
