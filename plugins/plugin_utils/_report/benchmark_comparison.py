# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What two benchmarks of one host have in common, and what became slower between them. Private to this collection."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.benchmark import percentile

# With fewer requests there is no spread to speak of.
FEWEST = 3
_LARGEST_NUMBER = 1e15


def compare(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row for each run that both have. ``change`` is slower or faster only beyond the spread of both.

    A run of another form, which an edited file or a strange host may give, has no row.
    """
    earlier = {_key(run): run for run in _runs(before)}
    return [_row(run, earlier[_key(run)]) for run in _runs(now) if _key(run) in earlier]


def _runs(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    runs = result.get("runs")
    return [run for run in runs if _is_run(run)] if isinstance(runs, (list, tuple)) else []


def _is_run(run: Any) -> bool:
    return (
        isinstance(run, Mapping)
        and all(isinstance(run.get(key), str) for key in ("label", "clip"))
        and all(_is_number(run.get(key)) for key in ("audio_seconds", "clients"))
        and _is_number(run.get("median"))
        and run["median"] > 0
        and isinstance(run.get("seconds"), (list, tuple))
        and all(map(_is_number, run["seconds"]))
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LARGEST_NUMBER


def _key(run: Mapping[str, Any]) -> tuple[Any, ...]:
    return run["label"], run["clip"], run["audio_seconds"], run["clients"]


def _row(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "label": now["label"],
        "clip": now["clip"],
        "clients": now["clients"],
        "before": before["median"],
        "now": now["median"],
        "percent": round((now["median"] / before["median"] - 1) * 100, 1),
        "change": _change(now["seconds"], before["seconds"]),
    }


def _change(now: Sequence[float], before: Sequence[float]) -> str:
    """By the middle halves of the requests: where these overlap, chance can be all there is."""
    if min(len(now), len(before)) < FEWEST:
        return "too few requests to tell"
    if percentile(now, 25) > percentile(before, 75):
        return "slower"
    if percentile(now, 75) < percentile(before, 25):
        return "faster"
    return "within the spread"
