# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a completed run: what it was told, and how it has left the host."""

from __future__ import annotations

from typing import Any, Mapping

FORMAT = 1
# Of what is observed, what the next run compares.
STATE = ("packages", "engine", "servers", "files", "speech", "models", "units", "firewall", "selinux")
# Of a plan, what roles act on. Its words (reasons, warnings) change nothing.
PLAN = (
    "runtime",
    "origin",
    "image",
    "cmake_cuda_architectures",
    "build",
    "gpus",
    "verdict",
    "environment",
    "model",
    "servers",
    "threads",
)


def record(
    inputs: Mapping[str, Any],
    plan: Mapping[str, Any],
    gpu: Mapping[str, Any],
    facts: Mapping[str, Any],
    observed: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        **inputs,
        "plan": {part: plan.get(part) for part in PLAN},
        "gpus": gpus(gpu),
        "facts": dict(facts),
        "state": {
            **{part: observed[part] for part in STATE},
            # Of all the images on a host, the one that serves.
            "images": {name: id for name, id in observed["images"].items() if name == facts.get("image_reference")},
        },
    }


def gpus(gpu: Mapping[str, Any]) -> dict[str, Any]:
    """What of the result of nvidia_gpu_info decides how containers get the GPUs."""
    return {"driver": gpu["driver"]["version"], "uuids": [one["uuid"] for one in gpu["gpus"]]}
