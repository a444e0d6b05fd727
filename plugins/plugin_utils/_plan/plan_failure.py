# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a plan may be applied. Private to whisperops.gpu, on the control node."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.whisperops.gpu.plugins.plugin_utils._sanitize import sanitize_line


def plan_failure(plan: Mapping[str, Any], saved: Any, gpu_info: Mapping[str, Any], policy: Mapping[str, Any]) -> str:
    """Code, what was seen, what to do; empty for a plan that may be applied.

    ``saved``: the plan that the host serves by, from a file of the host. Without the second rule a host that has lost a
    GPU would quietly go on from the CPU, or with fewer servers.
    """
    gone = _gone(plan, saved, gpu_info, policy)
    impossible = plan["verdict"] == "impossible"
    reasons = " ".join(plan["reasons"]) if impossible else ""
    # Where the host shows no GPU at all, the one that served comes first, and then what is left of its driver.
    if impossible and not (gone and not gpu_info["gpus"]):
        return f"plan_impossible: {reasons}"
    if not gone:
        return ""
    seen = [gpu["uuid"] for gpu in gpu_info["gpus"] if gpu["uuid"]]
    return (
        f"gpu_removed: {sanitize_line(', '.join(gone))} served and is not there any more (seen:"
        f" {', '.join(seen) or 'no GPU'}). Put it back (docs/troubleshooting.md#gpu_lost tells how to look for it). If"
        " it was taken out for good, set gpus in whisper_policy to those that are left, or allow_cpu: always where none"
        f" is. Nothing was touched. {reasons}"
    ).rstrip()


def _gone(plan: Mapping[str, Any], saved: Any, gpu_info: Mapping[str, Any], policy: Mapping[str, Any]) -> list[str]:
    """GPUs that served, are not there, and were not taken out on purpose."""
    cpu_is_meant = plan["runtime"] == "cpu" and policy.get("allow_cpu") == "always"
    served = saved.get("gpus") if isinstance(saved, Mapping) else None
    if policy.get("gpus", "all") != "all" or cpu_is_meant or not isinstance(served, list):
        return []
    seen = [gpu["uuid"] for gpu in gpu_info["gpus"]]
    return [gpu for gpu in served if isinstance(gpu, str) and gpu not in seen]
