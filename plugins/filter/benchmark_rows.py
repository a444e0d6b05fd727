# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ansible.errors import AnsibleFilterError

# What makes two runs the same measurement.
IDENTITY = ("label", "clip", "clients")


def benchmark_rows(result: Any, comparison: Sequence[Mapping[str, Any]], host: str) -> list[dict[str, Any]]:
    """One row for each run, with what changed since the earlier result."""
    if not isinstance(result, Mapping) or not isinstance(result.get("runs"), list):
        raise AnsibleFilterError(
            f"whisperops.gpu.benchmark_rows: got {type(result).__name__} without runs; allowed: the result of"
            " whisperops.gpu.whisper_benchmark_info."
        )
    changes = {_identity(change): change for change in reversed(comparison)}
    return [_row(run, changes.get(_identity(run)), host) for run in result["runs"]]


def _identity(run: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(run.get(key) for key in IDENTITY)


def _row(run: Mapping[str, Any], change: Mapping[str, Any] | None, host: str) -> dict[str, Any]:
    memory, energy = run.get("gpu_memory_peak_mib"), run.get("energy_j")
    return {
        "host": host,
        "on": str(run["label"]).upper(),
        "audio": f"{round(run['audio_seconds'], 1)} s",
        "clients": run["clients"],
        "median": f"{run['median']} s",
        "p95": f"{run['p95']} s",
        "spread": f"{run['minimum']} to {run['maximum']} s",
        "throughput": f"{run['throughput']} x real time",
        "gpu memory": "-" if memory is None else f"{memory} MiB",
        "energy": "-" if energy is None else f"{energy} J",
        "since before": f"{change['change']} ({change['percent']} %)" if change else "-",
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"benchmark_rows": benchmark_rows}
