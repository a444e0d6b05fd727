# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.filter.plan_summary import plan_summary


def plan_rows(gpu_info: Any, plan: Any, host: str) -> list[dict[str, Any]]:
    if not isinstance(gpu_info, Mapping) or not isinstance(plan, Mapping):
        raise AnsibleFilterError(
            f"whisperops.gpu.plan_rows: got {type(gpu_info).__name__} and {type(plan).__name__}; allowed: the results"
            " of whisperops.gpu.nvidia_gpu_info and whisperops.gpu.deployment_plan."
        )
    gpus = list(gpu_info.get("gpus") or ())
    unavailable = list(gpu_info.get("unavailable_gpus") or ())
    driver = (gpu_info.get("driver") or {}).get("version")
    cuda = gpu_info.get("cuda_driver_version")

    def row(gpu: Mapping[str, Any], verdict: str, served: bool) -> dict[str, Any]:
        seats = [server for server in plan.get("servers") or () if server.get("gpu") == gpu.get("uuid")]
        return {
            "host": host,
            "gpu": gpu.get("name") or gpu.get("pci_bus_id") or _by_index(gpu),
            "capability": gpu.get("compute_capability"),
            "driver": driver,
            "cuda": cuda,
            "verdict": verdict,
            "image": plan.get("image") if served else None,
            "model": _models(plan, seats) if served else None,
            "servers": len(seats) if served else 0,
        }

    rows = []
    # A host whose only GPUs are not offered has a row for each of those, and its own verdict in the reasons.
    for gpu in gpus or ([] if unavailable else [{}]):
        served = gpu.get("uuid") in (plan.get("gpus") or ()) or not plan.get("gpus")
        rows.append(row(gpu, plan_summary(plan)["verdict"] if served else "left out", served))
    rows += [row(gpu, str(gpu.get("code") or "not offered"), served=False) for gpu in unavailable]
    return rows


def _models(plan: Mapping[str, Any], seats: list[Mapping[str, Any]]) -> str | None:
    """Of several, those that the GPU serves."""
    return ", ".join(dict.fromkeys(seat["model"] for seat in seats if seat.get("model"))) or plan.get("model")


def _by_index(gpu: Mapping[str, Any]) -> str | None:
    return None if gpu.get("index") is None else f"GPU {gpu['index']}"


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"plan_rows": plan_rows}
