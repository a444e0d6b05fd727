# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError


def benchmark_summary(result: Any) -> str:
    if not isinstance(result, Mapping) or not result.get("runs"):
        raise AnsibleFilterError(
            f"whisperops.gpu.benchmark_summary: got {type(result).__name__} without runs; allowed: the result of"
            " whisperops.gpu.whisper_benchmark_info."
        )
    loads, answers = (_known(result.get(key)) for key in ("load_seconds", "first_answer_seconds"))
    return f"loads in {loads} s, first answer after {answers} s. {_instances(result)}"


def _known(seconds: float | None) -> float | str:
    return "-" if seconds is None else seconds


def _instances(result: Mapping[str, Any]) -> str:
    if "instances_per_gpu" in result:
        tried = ", ".join(f"{point['servers']}: {point['throughput']}" for point in result["instances"])
        return f"instances_per_gpu: {result['instances_per_gpu']} gives the most throughput ({tried})."
    if result["runs"][0]["label"] == "cpu":
        return "Measured on the CPU, where one server uses all cores."
    return "No numbers of servers were tried."


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"benchmark_summary": benchmark_summary}
