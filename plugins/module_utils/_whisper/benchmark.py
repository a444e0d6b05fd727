# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast servers answer: latency at a number of clients, throughput, and the spread. Private to this collection.

A run is a fixed number of requests that a number of clients share, each sending its next one as soon as its last was
answered. What is asked, and what watches the GPU meanwhile, is given by the caller.
"""

from __future__ import annotations

import itertools
import statistics
import threading
import time
from typing import Any, Callable, NamedTuple, Sequence

# Sends one request to the server of this number and returns how many seconds it took.
Ask = Callable[[int], float]


class Clip(NamedTuple):
    name: str
    content: bytes
    audio_seconds: float


class Measured(NamedTuple):
    """Seconds of each request, in the order of their answers, and of the whole run."""

    seconds: list[float]
    wall_seconds: float


def percentile(values: Sequence[float], percent: float) -> float:
    """Between the two nearest values, as far as ``percent`` lies between them."""
    ordered = sorted(values)
    position = (len(ordered) - 1) * percent / 100
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def measure(ask: Ask, servers: int, clients: int, requests: int) -> Measured:
    """Have ``clients`` clients share ``requests`` requests. Client n keeps to server n modulo ``servers``.

    The first request that fails ends the run, and its error is raised.
    """
    seconds: list[float] = []
    errors: list[Exception] = []
    tickets, lock, start = itertools.count(), threading.Lock(), threading.Barrier(clients + 1)

    def client(number: int) -> None:
        start.wait()
        while True:
            with lock:
                if errors or next(tickets) >= requests:
                    return
            try:
                took = ask(number % servers)
            except Exception as error:  # whatever it is, the caller's thread raises it
                with lock:
                    errors.append(error)
                return
            with lock:
                seconds.append(took)

    threads = [threading.Thread(target=client, args=(number,), daemon=True) for number in range(clients)]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.monotonic()
    for thread in threads:
        thread.join()
    wall = time.monotonic() - began
    if errors:
        raise errors[0]
    return Measured(seconds, wall)


def summary(label: str, clip: Clip, clients: int, measured: Measured) -> dict[str, Any]:
    """One run as it is returned and kept."""
    median = statistics.median(measured.seconds)
    return {
        "label": label,
        "clip": clip.name,
        "audio_seconds": round(clip.audio_seconds, 3),
        "clients": clients,
        "seconds": [round(second, 4) for second in measured.seconds],
        "median": round(median, 4),
        "p50": round(percentile(measured.seconds, 50), 4),
        "p95": round(percentile(measured.seconds, 95), 4),
        "minimum": round(min(measured.seconds), 4),
        "maximum": round(max(measured.seconds), 4),
        "wall_seconds": round(measured.wall_seconds, 4),
        "rtf": round(median / clip.audio_seconds, 5),
        "throughput": round(clip.audio_seconds * len(measured.seconds) / measured.wall_seconds, 2),
    }
