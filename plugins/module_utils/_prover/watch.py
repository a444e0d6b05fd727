# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a pod is proven, and when its gate is opened and closed. Private to this collection."""

from __future__ import annotations

import sys
import time
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._prover.pods import ServerPod, server_pod
from ansible_collections.whisperops.gpu.plugins.module_utils._prover.verdict import (
    Verdict,
    condition,
    restarted,
    unhealthy,
)

# Between two proofs of a pod that is not proven: the first wait and the longest.
RETRY_SECONDS = (15, 240)
# So many proofs in a row that neither show the GPU nor the contrary close the gate: one may meet a busy server.
UNDECIDED = 3


@dataclass
class _Known:
    """Of one pod, since the server's last start."""

    container: str
    due: float = 0.0
    failures: int = 0
    running: Future[Verdict] | None = field(default=None, repr=False)


class Watch:
    def __init__(
        self,
        prove: Callable[[ServerPod], Verdict],
        set_condition: Callable[[str, Mapping[str, Any]], None],
        interval_seconds: float,
        executor: Executor,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``interval_seconds``: between two proofs of a pod that is proven."""
        self._prove = prove
        self._set_condition = set_condition
        self._interval = interval_seconds
        self._executor = executor
        self._clock = clock
        self._known: dict[str, _Known] = {}

    def look(self, pods: Iterable[Mapping[str, Any]]) -> None:
        """At the pods as the API lists them."""
        found = [pod for pod in map(server_pod, pods) if pod]
        self._known = {pod.name: self._known[pod.name] for pod in found if pod.name in self._known}
        for pod in found:
            self._look_at(pod)

    @property
    def proofs_run(self) -> bool:
        return any(known.running for known in self._known.values())

    def _look_at(self, pod: ServerPod) -> None:
        known = self._known.get(pod.name)
        if known is None or known.container != pod.container:
            if known is not None and pod.proven:
                self._put(pod, restarted())
            if known is not None and known.running:
                known.running.cancel()
            known = self._known[pod.name] = _Known(pod.container)
        if pod.unhealthy:
            if pod.condition.get("reason") != "gpu_unhealthy":
                self._put(pod, unhealthy(pod.unhealthy))
            # What is being proven meanwhile says nothing once the device is well again.
            known.running, known.due = None, 0.0
            return
        if known.running is not None:
            if known.running.done():
                self._take(pod, known, known.running.result())
                known.running = None
        elif pod.ready and self._clock() >= known.due:
            known.running = self._executor.submit(self._prove, pod)

    def _take(self, pod: ServerPod, known: _Known, found: Verdict) -> None:
        known.failures = 0 if found.proven else known.failures + 1
        first, longest = RETRY_SECONDS
        wait = self._interval if found.proven else min(longest, first * 2 ** (known.failures - 1))
        known.due = self._clock() + wait
        if found.proven or found.decisive or not pod.proven or known.failures >= UNDECIDED:
            self._put(pod, found)

    def _put(self, pod: ServerPod, found: Verdict) -> None:
        sys.stdout.write(f"{pod.name}: {found.reason}: {found.message}\n")
        sys.stdout.flush()
        try:
            self._set_condition(pod.name, condition(found, pod.condition, self._clock()))
        except OSError as error:
            # The pod may be gone; otherwise it is proven again soon.
            self._known[pod.name].due = self._clock() + RETRY_SECONDS[0]
            sys.stderr.write(f"{pod.name}: the API did not take the condition: {error}\n")
