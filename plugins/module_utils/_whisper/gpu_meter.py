# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a GPU does while something is measured: memory, utilization and energy. Private to this collection.

A GPU that does not count its energy has its power over time instead. Where neither NVML nor nvidia-smi answers, every
figure is None.
"""

from __future__ import annotations

from typing import Any, Callable, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.card import Card, open_card
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.sampler import Sample, Sampler

INTERVAL_SECONDS = 0.1


class GpuMeter:
    """Samples one GPU from ``with`` to the end of its block; without a GPU it stays empty."""

    def __init__(self, uuid: str | None, open_gpu: Callable[[str], Card] = open_card) -> None:
        self._card = open_gpu(uuid) if uuid else Card()
        self._sampler = Sampler(self._card, INTERVAL_SECONDS)

    def __enter__(self) -> GpuMeter:
        if self._card.source is not None:
            self._sampler.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._card.source is not None:
            self._sampler.__exit__(*error)
            self._card.close()

    def mark(self) -> int:
        self._sample()
        return len(self.samples)

    def since(self, mark: int) -> list[Sample]:
        """The samples from the mark to now, the one at the mark among them."""
        self._sample()
        return self.samples[max(mark - 1, 0) :]

    @property
    def samples(self) -> list[Sample]:
        return self._sampler.samples()

    def _sample(self) -> None:
        if self._card.source is not None:
            self._sampler.sample()


def memory_peak_mib(samples: Sequence[Sample]) -> int | None:
    known = [sample.card.memory_used_mib for sample in samples if sample.card.memory_used_mib is not None]
    return max(known) if known else None


def energy_j(samples: Sequence[Sample]) -> float | None:
    """What the GPU counted itself; else its power over the time between the samples."""
    counted = [sample.card.energy_j for sample in samples if sample.card.energy_j is not None]
    if len(counted) > 1:
        return round(counted[-1] - counted[0], 1)
    powers = [(sample.seconds, sample.card.power_w) for sample in samples if sample.card.power_w is not None]
    if len(powers) < 2:  # noqa: PLR2004 - a time needs two ends
        return None
    pairs = zip(powers, powers[1:])
    return round(sum((later - t) * (power + next_power) / 2 for (t, power), (later, next_power) in pairs), 1)


def as_dicts(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    return [
        {"t": round(at, 3), "memory_mib": card.memory_used_mib, "utilization": card.utilization_percent}
        for at, _period, card in samples
    ]
