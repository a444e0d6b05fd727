# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a GPU in a thread of its own while something else runs. Private to this collection."""

from __future__ import annotations

import threading
import time

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.card import Card
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.evidence import Sample

# What is seen just after work still has the work in it.
SETTLING = -1


class Watch:
    """Samples carry the number of the period that was on when they were taken."""

    def __init__(self, card: Card, interval_seconds: float) -> None:
        self._card = card
        self._interval = interval_seconds
        self._period = 0
        self._samples: list[Sample] = []
        self._ended = threading.Event()
        # A driver that hangs must not keep the whole program.
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._started = time.monotonic()

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join(timeout=10)

    def period(self, number: int) -> None:
        self._period = number

    def samples(self) -> list[Sample]:
        return [sample for sample in list(self._samples) if sample.period != SETTLING]

    def _look(self) -> None:
        while not self._ended.is_set():
            period, seconds = self._period, time.monotonic() - self._started
            card = self._card.sample()
            # A look that took longer than a period belongs to none.
            if period == self._period:
                self._samples.append(Sample(seconds, period, card))
            self._ended.wait(self._interval)
