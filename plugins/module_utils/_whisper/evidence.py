# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an inference ran on the GPU: a pure judgement of what was seen. docs/proof.md explains the rule.

Each kind of evidence is True (seen), False (looked for, and the contrary seen) or None (cannot be known). With less
access a verdict may become None; it never becomes a denial, and never a proof on fewer than two kinds.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.card import CardSample
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.log import ServerLog

KINDS = ("log", "process_memory", "utilization")
REQUIRED_KINDS = 2
# Percent by which a card's utilisation must rise for it to be work and not noise.
RISE_PERCENT = 3
# NVML's figure is an average over up to one second: a shorter look can miss work.
SECONDS_TO_BE_SURE = 1.5
# Where nobody can say whose work it is, it has to come and go with ours so many times.
ROUNDS_IN_STEP = 3
_MB_PER_MIB = 1.048576


class Sample(NamedTuple):
    """``period``: 0 idle, 1 busy, 2 idle, 3 busy ...: odd while an inference of ours runs."""

    seconds: float
    period: int
    card: CardSample

    @property
    def busy(self) -> bool:
        return self.period % 2 == 1


class Observation(NamedTuple):
    finished: bool
    # native, same_major or jit; "none" for an image without code for the card; None: not known.
    device_code: str | None = None
    # None: the log cannot be read.
    log: ServerLog | None = None
    # The server's process and its children; None: not known.
    own_pids: frozenset[int] | None = None
    # Whether one of them holds the card's device open, by the kernel's own account.
    device_open: bool | None = None
    # PIDs of the driver's list that the kernel knows here as holders of an NVIDIA device.
    holders: frozenset[int] = frozenset()
    # False inside of a container, where the driver's list is empty or in numbers of another PID namespace.
    sees_all_pids: bool = True
    samples: Sequence[Sample] = ()
    # How long inferences went on after the first, which may have spent its time compiling PTX on the CPU.
    steady_seconds: float = 0.0


class Verdict(NamedTuple):
    gpu_used: bool | None
    kinds: dict[str, bool | None]
    missing: list[str]


def judge(seen: Observation) -> Verdict:
    kinds: dict[str, bool | None] = {
        "log": None if seen.log is None else seen.log.placed_on_gpu,
        "process_memory": _process_memory(seen),
        "utilization": _utilization(seen),
    }
    conditions: dict[str, bool | None] = {
        "inference": seen.finished,
        "device_open": seen.device_open,
        # A finished inference whose work was seen needs no list of architectures: unknown does not stand in its way.
        "device_code": seen.device_code != "none",
    }
    missing = [name for name, value in {**conditions, **kinds}.items() if value is not True]
    return Verdict(_verdict(conditions, kinds), kinds, missing)


def _verdict(conditions: dict[str, bool | None], kinds: dict[str, bool | None]) -> bool | None:
    if False in conditions.values() or False in kinds.values():
        return False
    proven = sum(value is True for value in kinds.values()) >= REQUIRED_KINDS
    return True if proven and None not in conditions.values() else None


def figures(seen: Observation) -> dict[str, Any]:
    """The numbers behind the verdict."""
    busy, idle = _cards(seen, busy=True), _cards(seen, busy=False)
    by_process = [
        share
        for card in busy
        for pid, share in (card.process_utilization or {}).items()
        if pid in (seen.own_pids or ())
    ]
    return {
        "process_memory_mib": _own_memory_mib(seen),
        "process_utilization_max_percent": max(by_process, default=None),
        "utilization_baseline_percent": _highest(card.utilization_percent for card in idle),
        "utilization_max_percent": _highest(card.utilization_percent for card in busy),
        "sm_clock_baseline_mhz": _highest(card.sm_clock_mhz for card in idle),
        "sm_clock_max_mhz": _highest(card.sm_clock_mhz for card in busy),
        "memory_used_mib": _highest(card.memory_used_mib for card in [*idle, *busy]),
        "others_on_card": None if _listed(seen) is None else len(_others(seen)),
    }


def needs_more_rounds(seen: Observation) -> bool:
    """Whether only work that comes and goes with ours can tell whose it is."""
    return not _list_usable(seen) and _highest(card.utilization_percent for card in _cards(seen, busy=True)) is not None


def _process_memory(seen: Observation) -> bool | None:
    if seen.own_pids is None or _listed(seen) is None:
        return None
    if not any(pid in (_listed(seen) or ()) for pid in seen.own_pids):
        return False if _list_usable(seen) else None
    held = _own_memory_mib(seen)
    if held is None:
        return None
    # Less than the weights that the server claims to have put there is not them.
    claimed = seen.log.cuda_mb if seen.log else 0.0
    return held > 0 and held * _MB_PER_MIB >= claimed


def _utilization(seen: Observation) -> bool | None:
    if seen.own_pids is None:
        return None
    busy = _cards(seen, busy=True)
    for card in busy:
        if any(share > 0 and pid in seen.own_pids for pid, share in (card.process_utilization or {}).items()):
            return True
    highest = _highest(card.utilization_percent for card in busy)
    if highest is None:
        return None
    if highest == 0:
        return False if seen.steady_seconds >= SECONDS_TO_BE_SURE else None
    if _list_usable(seen):
        alone = not _others(seen) and any(pid in (_listed(seen) or ()) for pid in seen.own_pids)
        return True if alone and _rises(seen) else None
    in_step = _periods(seen) >= ROUNDS_IN_STEP and _rises(seen)
    # A card that is never idle has somebody else on it.
    idle = _highest(card.utilization_percent for card in _cards(seen, busy=False))
    return True if in_step and idle is not None and idle < RISE_PERCENT else None


def _rises(seen: Observation) -> bool:
    """Each busy period stands out from the idle ones beside it."""
    by_period: dict[int, int] = {}
    for sample in seen.samples:
        percent = sample.card.utilization_percent
        if percent is not None:
            by_period[sample.period] = max(by_period.get(sample.period, 0), percent)
    busy = [period for period in by_period if period % 2]
    return bool(busy) and all(
        period - 1 in by_period
        and by_period[period] >= RISE_PERCENT + max(by_period[period - 1], by_period.get(period + 1, 0))
        for period in busy
    )


def _listed(seen: Observation) -> dict[int, int | None] | None:
    """What the driver listed on the GPU at any time; None where it never gave a list."""
    lists = [sample.card.processes for sample in seen.samples if sample.card.processes is not None]
    if not lists:
        return None
    found: dict[int, int | None] = {}
    for one in lists:
        for pid, mib in one.items():
            found[pid] = max((known for known in (mib, found.get(pid)) if known is not None), default=None)
    return found


def _list_usable(seen: Observation) -> bool:
    """Whether the list's PIDs are this host's, and the list is all of them."""
    listed = _listed(seen)
    if listed is None:
        return False
    if not listed:
        return seen.sees_all_pids
    # A process on the card that, by the kernel, holds no NVIDIA device is a number from elsewhere.
    return all(pid in seen.holders for pid in listed)


def _others(seen: Observation) -> set[int]:
    return set(_listed(seen) or ()) - set(seen.own_pids or ())


def _own_memory_mib(seen: Observation) -> int | None:
    listed = _listed(seen) or {}
    own = [listed[pid] for pid in seen.own_pids or () if pid in listed]
    known = [mib for mib in own if mib is not None]
    return sum(known) if known else None


def _cards(seen: Observation, busy: bool) -> list[CardSample]:
    return [sample.card for sample in seen.samples if sample.busy == busy]


def _periods(seen: Observation) -> int:
    return len({sample.period for sample in seen.samples if sample.busy})


def _highest(values: Any) -> int | None:
    return max((value for value in values if value is not None), default=None)
