# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a host in one word, from its record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from .coerce import mapping, mappings, moment


@dataclass(frozen=True)
class State:
    name: str
    label: str
    # good, note or bad: what colour it gets. The label says it too, for those who see no colour.
    tone: str
    meaning: str


FAILED = State("failed", "FAILED", "bad", "The last run did not finish on this host.")
IMPOSSIBLE = State("impossible", "IMPOSSIBLE", "bad", "Nothing can run there as it is.")
NOT_PROVEN = State("not_proven", "NOT PROVEN", "bad", "Planned for a GPU, and no proof that the GPU did the work.")
CPU_ONLY = State("cpu_only", "CPU ONLY", "bad", "It has an NVIDIA GPU and serves from the CPU.")
PLANNED = State("planned", "no proof yet", "note", "There is a plan, and no proof of it.")
UNKNOWN = State("unknown", "unknown", "note", "Nothing is recorded but its name.")
CPU = State("cpu", "CPU", "note", "It has no NVIDIA GPU and has transcribed on its CPU.")
PROVEN = State("proven", "GPU proven", "good", "It has transcribed, and there is evidence that the GPU did it.")

# The worst first.
STATES = (FAILED, IMPOSSIBLE, NOT_PROVEN, CPU_ONLY, PLANNED, UNKNOWN, CPU, PROVEN)


def older_than_plan(record: Mapping[str, Any], part: str) -> bool:
    """Whether a part was learnt under an earlier plan, so that it says nothing of this one."""
    times = mapping(record.get("recorded_at"))
    learnt, planned = moment(times.get(part)), moment(times.get("plan"))
    return learnt is not None and planned is not None and learnt < planned


def state_of(record: Mapping[str, Any]) -> State:
    plan = mapping(record.get("plan"))
    proof = [] if older_than_plan(record, "proof") else mappings(record.get("proof"))
    if record.get("error"):
        return FAILED
    if plan.get("verdict") == "impossible":
        return IMPOSSIBLE
    if plan.get("runtime") == "cpu" and mapping(record.get("gpu_info")).get("gpu_present"):
        return CPU_ONLY
    if not proof:
        return PLANNED if plan else UNKNOWN
    if plan.get("runtime") == "cpu":
        return CPU
    # A proof short of a server proves nothing for that server.
    proven = len(proof) >= len(mappings(plan.get("servers"))) and all(r.get("gpu_used") is True for r in proof)
    return PROVEN if proven else NOT_PROVEN
