# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError


def benchmark_comparison(now: Any, before: Any) -> list[dict[str, Any]]:
    from ansible_collections.whisperops.gpu.plugins.plugin_utils._report.benchmark_comparison import compare

    for result in (now, before):
        if not isinstance(result, Mapping) or not isinstance(result.get("runs"), list):
            raise AnsibleFilterError(
                f"whisperops.gpu.benchmark_comparison: got {type(result).__name__} without runs; "
                "allowed: two results of whisperops.gpu.whisper_benchmark_info."
            )
    return compare(now, before)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"benchmark_comparison": benchmark_comparison}
