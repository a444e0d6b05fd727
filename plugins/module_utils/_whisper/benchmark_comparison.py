# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What two benchmarks of one host have in common, and what became slower between them. Private to this collection."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.benchmark import percentile

# With fewer requests there is no spread to speak of.
FEWEST = 3


def compare(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row for each run that both have. ``change`` is slower or faster only beyond the spread of both."""
    earlier = {_key(run): run for run in before.get("runs", [])}
    return [_row(run, earlier[_key(run)]) for run in now.get("runs", []) if _key(run) in earlier]


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
