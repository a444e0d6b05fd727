# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

SUMMARY = "whisper_summary"


def fleet_summary(hosts: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The summaries of the hosts in one, in their order; a host that has none did not come so far."""
    told = {host: hostvars[host][SUMMARY] for host in hosts if host in hostvars and SUMMARY in hostvars[host]}
    return {
        "rows": [row for summary in told.values() for row in summary["rows"]],
        **{
            part: {host: summary[part] for host, summary in told.items() if summary.get(part) is not None}
            for part in ("reasons", "changes", "problems")
        },
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"fleet_summary": fleet_summary}
