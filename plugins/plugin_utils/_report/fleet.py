# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet as the page and fleet.json show it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping

from .coerce import mapping, mappings, number, text
from .problems import FleetProblem, fleet_problems
from .records import PARTS
from .state import STATES, State, state_of

NOTHING: dict[str, Any] = {**dict.fromkeys(PARTS), "recorded_at": {}}
# The longest clip tells most: of a short one, much is overhead.
CLIPS = ("long", "medium", "short")


@dataclass(frozen=True)
class Comparison:
    """One host's GPU against its own CPU, in seconds of speech per second."""

    host: str
    clip: str
    gpu: float
    cpu: float


@dataclass(frozen=True)
class Fleet:
    records: list[dict[str, Any]]
    states: list[State]
    problems: list[FleetProblem]
    generated_at: str

    @property
    def made_up(self) -> bool:
        return any(record.get("made_up") for record in self.records)

    def count(self, state: State) -> int:
        return sum(1 for other in self.states if other is state)

    def as_dict(self) -> dict[str, Any]:
        hosts = [{**record, "state": state.name} for record, state in zip(self.records, self.states)]
        return {
            "generated_at": self.generated_at,
            "made_up": self.made_up,
            "summary": {"hosts": len(self.records), **{state.name: self.count(state) for state in STATES}},
            "problems": [problem.as_dict() for problem in self.problems],
            "hosts": hosts,
        }


def by_name(host: str) -> list[tuple[int, int, str]]:
    """gpu-2 before gpu-10."""
    # isdecimal, not \\d: a superscript is a digit to a pattern and no number to int().
    parts = re.split(r"([0-9]{1,18})", host)
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]


def _as_texts(record: Mapping[str, Any]) -> dict[str, str | None]:
    return {
        "host": str(record.get("host", "a host without a name")),
        "error": text(record.get("error")),
        "finished_at": text(record.get("finished_at")),
    }


def fleet_of(records: list[dict[str, Any]], generated_at: str) -> Fleet:
    """The hosts that need a person first, then by name."""
    whole = [{**NOTHING, **record, **_as_texts(record)} for record in records]
    rated = sorted(
        ((state_of(record), record) for record in whole),
        key=lambda pair: (STATES.index(pair[0]), by_name(str(pair[1].get("host")))),
    )
    ordered = [record for state, record in rated]
    return Fleet(ordered, [state for state, record in rated], fleet_problems(ordered), generated_at)


def speed_of(run: Mapping[str, Any]) -> float | None:
    """Seconds of speech per second."""
    factor = number(run.get("rtf"))
    return number(run.get("throughput")) or (1 / factor if factor else None)


def comparison(record: Mapping[str, Any]) -> Comparison | None:
    """On the longest clip that both have run, with the fewest clients."""
    runs = mappings(mapping(record.get("benchmark")).get("runs"))
    for clip in CLIPS:
        best: dict[str, tuple[float, float]] = {}
        for run in runs:
            label, speed, clients = run.get("label"), speed_of(run), number(run.get("clients")) or 1.0
            if run.get("clip") == clip and label in ("gpu", "cpu") and speed is not None:
                best[str(label)] = min(best.get(str(label), (clients, speed)), (clients, speed))
        if len(best) == len(("gpu", "cpu")) and best["gpu"][0] == best["cpu"][0]:
            return Comparison(str(record.get("host")), clip, best["gpu"][1], best["cpu"][1])
    return None


def memory_over_time(record: Mapping[str, Any]) -> list[tuple[float, float]]:
    """(seconds since the benchmark began, MiB)."""
    points = []
    for sample in mappings(mapping(record.get("benchmark")).get("samples")):
        time, memory = number(sample.get("t")), number(sample.get("memory_mib"))
        if time is not None and memory is not None:
            points.append((time, memory))
    return sorted(points)
