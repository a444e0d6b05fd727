# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan collects on its way, and the form in which it leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .facts import HostGpu
from .policy import PlanInputError, Policy

HIGHEST_PORT = 65535
IMPOSSIBLE = "impossible"


@dataclass
class Findings:
    """Sentences for a person, and the rejected alternatives; each is said once."""

    reasons: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    remedies: list[str] = field(default_factory=list)
    rejected: list[dict[str, str | None]] = field(default_factory=list)

    def reject(self, image: str | None, code: str, reason: str) -> None:
        entry = {"image": image, "code": code, "reason": reason}
        if entry not in self.rejected:
            self.rejected.append(entry)


@dataclass(frozen=True)
class Outcome:
    """The part of a plan that roles act on."""

    verdict: str
    runtime: str | None = None
    origin: str | None = None
    image: str | None = None
    gpus: tuple[HostGpu, ...] = ()
    cuda_version: str | None = None
    architectures: str | None = None
    build: dict[str, Any] | None = None
    environment: tuple[tuple[str, str], ...] = ()
    model: str | None = None
    # GPU and model of each server, where there are several models.
    places: tuple[tuple[str | None, str], ...] = ()


def as_plan(outcome: Outcome, findings: Findings, policy: Policy) -> dict[str, Any]:
    return {
        "runtime": outcome.runtime,
        "origin": outcome.origin,
        "image": outcome.image,
        "verdict": outcome.verdict,
        "gpus": [gpu.uuid for gpu in outcome.gpus],
        "cuda_version": outcome.cuda_version,
        "cmake_cuda_architectures": outcome.architectures,
        "build": outcome.build,
        "environment": dict(sorted(outcome.environment)),
        "model": outcome.model,
        "servers": _servers(outcome, policy),
        "reasons": list(dict.fromkeys(findings.reasons)),
        "rejected": findings.rejected,
        "warnings": list(dict.fromkeys(findings.warnings)),
    }


def instances_on(gpu: HostGpu, policy: Policy) -> int:
    return 1 if gpu.exclusive else policy.instances_per_gpu


def impossible(findings: Findings, policy: Policy) -> dict[str, Any]:
    """No image, no server: what stands in the way, then what a person can do about it."""
    findings.reasons.extend(f"Remedy: {remedy}" for remedy in findings.remedies)
    return as_plan(Outcome(IMPOSSIBLE), findings, policy)


def _servers(outcome: Outcome, policy: Policy) -> list[dict[str, Any]]:
    if outcome.verdict == IMPOSSIBLE:
        return []
    seats: list[str | None] = [gpu.uuid for gpu in outcome.gpus for seat in range(instances_on(gpu, policy))]
    seats = [uuid for uuid, _model in outcome.places] or seats or [None] * policy.cpu_servers
    if policy.first_port + len(seats) - 1 > HIGHEST_PORT:
        raise PlanInputError(
            f"policy.first_port: got {policy.first_port}, which leaves no room for {len(seats)} servers; "
            f"allowed: up to {HIGHEST_PORT - len(seats) + 1}."
        )
    servers: list[dict[str, Any]] = [
        {"gpu": uuid, "port": policy.first_port + place} for place, uuid in enumerate(seats)
    ]
    for server, (_uuid, model) in zip(servers, outcome.places):
        server["model"] = model
    return servers
