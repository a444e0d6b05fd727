# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One GPU, looked at again and again while something runs on it: by NVML, else by nvidia-smi."""

from __future__ import annotations

import time
from typing import Callable, NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import command
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml_binding import Binding, load_binding
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml_device import NvmlDevice, NvmlUnavailableError

_QUERY_TIMEOUT_SECONDS = 10
_MICROSECONDS = 1_000_000


class CardSample(NamedTuple):
    """None: the GPU, its driver or the tool does not tell."""

    utilization_percent: int | None = None
    sm_clock_mhz: int | None = None
    memory_used_mib: int | None = None
    # Memory in MiB by PID; the memory is None where only the process is known.
    processes: dict[int, int | None] | None = None
    # Highest share of the SMs in percent by PID since the sample before.
    process_utilization: dict[int, int] | None = None


class Card:
    """A GPU that cannot be looked at: nothing of it is known."""

    source: str | None = None
    minor_number: int | None = None

    def sample(self) -> CardSample:
        return CardSample()

    def close(self) -> None:
        """Let go of the driver."""


class NvmlCard(Card):
    source = "nvml"

    def __init__(self, uuid: str, binding: Callable[[], Binding] = load_binding) -> None:
        self._device = NvmlDevice(uuid, binding)
        self.minor_number = self._device.minor_number
        # The driver counts in microseconds since 1970.
        self._seen = int(time.time() * _MICROSECONDS)

    def sample(self) -> CardSample:
        by_process = self._device.process_utilization(self._seen)
        if by_process:
            self._seen = by_process[1]
        return CardSample(
            utilization_percent=self._device.utilization_percent,
            sm_clock_mhz=self._device.sm_clock_mhz,
            memory_used_mib=self._device.memory_used_mib,
            processes=self._device.processes(),
            process_utilization=by_process[0] if by_process else None,
        )

    def close(self) -> None:
        self._device.close()


class NvidiaSmiCard(Card):
    source = "nvidia_smi"

    def __init__(self, binary: str, uuid: str, runner: Callable[..., command.Result] = command.run) -> None:
        self._command = [binary, "-i", uuid, "--format=csv,noheader,nounits"]
        self._runner = runner

    def sample(self) -> CardSample:
        card = self._query("--query-gpu=utilization.gpu,clocks.sm,memory.used")
        apps = self._query("--query-compute-apps=pid,used_memory")
        if not card:
            return CardSample()
        figures = [_whole(cell) for cell in [*card[0], "", "", ""][:3]]
        processes = None if apps is None else {int(row[0]): _whole(row[-1]) for row in apps if row[0].isdigit()}
        return CardSample(figures[0], figures[1], figures[2], processes)

    def _query(self, query: str) -> list[list[str]] | None:
        result = self._runner([*self._command, query], _QUERY_TIMEOUT_SECONDS)
        if result.rc != 0:
            return None
        return [[cell.strip() for cell in line.split(",")] for line in result.out.splitlines() if line.strip()]


def open_card(
    uuid: str,
    binding: Callable[[], Binding] = load_binding,
    which: command.Which = command.which,
    runner: Callable[..., command.Result] = command.run,
) -> Card:
    """By NVML where the library answers, else by nvidia-smi, else a GPU of which nothing is known."""
    try:
        return NvmlCard(uuid, binding)
    except NvmlUnavailableError:
        binary = which("nvidia-smi")
    if binary is None:
        return Card()
    card = NvidiaSmiCard(binary, uuid, runner)
    return card if card.sample() != CardSample() else Card()


def _whole(text: str) -> int | None:
    return int(text) if text.isdigit() else None
