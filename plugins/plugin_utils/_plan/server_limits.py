# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much of its host a server may take: memory and processes.

The memory limit protects the host and its other servers from one that grows. It is no tight fit: whatever a server
does with uploads of the expected size stays below.

No host memory was measured but that of an upload: one of 900 MB held 1.07 GB while it came in. What a model takes is
derived, on the safe side:

- On a CPU, what one server takes on a GPU (model_memory.py), with the driver's share in it, which a CPU does not have.
- With a GPU, the weights, which pass through the host's memory, and CUDA's own.
- For an upload, eight times its size. As WAV with 16 bits at 16 kHz, what holds the most speech uncompressed, it is
  there twice as a file, twice as samples of twice the size, and once as a spectrogram of at most 1.6 times the size.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from .model_memory import HEADROOM_FACTOR, memory_of
from .models import MODELS
from .policy import PlanInputError

AUTOMATIC, NONE = 0, -1
# Ours, not measured: contexts, page-locked buffers and the driver's compiler.
CUDA_MIB = 2048
UPLOAD_FACTOR = 8
# What is left to the host itself.
HOST_SHARE = 8
# A host's memory differs by a little from one kernel to the next; servers are not replaced for that.
STEP_MIB = 256
# A server with fewer does not start: an HTTP pool has several threads for each processor, and CUDA has threads too.
FEWEST_PROCESSES = 64
# What a model counts as of which nothing is known.
_LARGEST = max(filter(None, map(memory_of, MODELS)), key=lambda memory: (memory.weights_mib, memory.mib))


class Limits(NamedTuple):
    """None: no limit."""

    memory_mib: int | None
    # Memory and swap together; None also where the engine cannot limit swap.
    memory_and_swap_mib: int | None
    processes: int | None
    # What the engine cannot do of what is asked for.
    unsupported: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What a container was created with; of a container that differs, the server is replaced."""
        memory = f"{self.memory_mib} MiB" if self.memory_mib else "none"
        return f"memory: {memory}, processes: {self.processes or 'none'}"


def server_limits(plan: Mapping[str, Any], options: Mapping[str, Any], engine: Mapping[str, Any]) -> Limits:
    """The limits of each server of the plan.

    :param options: the variables of role whisper_server with their values.
    :param engine: ``memory_total_mib``, and whether it can limit ``memory``, ``swap`` and ``processes``.
    :raises PlanInputError: a variable has a value by which no server starts.
    """
    memory = _memory(plan, options, engine.get("memory_total_mib"))
    processes = _processes(int(options["whisper_server_pids_limit"]))
    asked = {"memory": memory, "processes": processes}
    unsupported = tuple(name for name, limit in asked.items() if limit is not None and engine.get(name) is False)
    if "memory" in unsupported:
        memory = None
    return Limits(
        memory_mib=memory,
        memory_and_swap_mib=None if engine.get("swap") is False else memory,
        processes=None if "processes" in unsupported else processes,
        unsupported=unsupported,
    )


def _memory(plan: Mapping[str, Any], options: Mapping[str, Any], total: int | None) -> int | None:
    asked = int(options["whisper_server_memory_limit_mib"])
    if asked == NONE:
        return None
    model, on_cpu = str(plan["model"]), plan["runtime"] == "cpu"
    if asked == AUTOMATIC:
        return _automatic(model, on_cpu, len(plan["servers"]), int(options["whisper_server_upload_mib"]), total)
    known = memory_of(model)
    least = max(STEP_MIB, known.weights_mib if known and on_cpu else 0)
    if asked < least:
        raise PlanInputError(
            f"server_limit_invalid: whisper_server_memory_limit_mib is {asked}, and no server with model {model} starts"
            f" in less than {least} MiB. Set a higher limit, {AUTOMATIC} for one by the model's size, or {NONE} for"
            " none."
        )
    return asked if total is None else min(asked, total)


def _automatic(model: str, on_cpu: bool, servers: int, upload_mib: int, total: int | None) -> int:
    need = needed_mib(model, on_cpu)
    wanted = need + UPLOAD_FACTOR * upload_mib
    if total is None:
        return wanted
    # All but what the host and the other servers need, however little the host has.
    room = total - total // HOST_SHARE - (servers - 1) * need
    limit = min(max(room, need), total)
    return wanted if wanted <= limit else limit // STEP_MIB * STEP_MIB or limit


def needed_mib(model: str, on_cpu: bool) -> int:
    """Of the host's memory, with no upload. A model of which nothing is known counts as the largest that is."""
    memory = memory_of(model) or _LARGEST
    return int((memory.mib if on_cpu else memory.weights_mib + CUDA_MIB) * HEADROOM_FACTOR)


def _processes(asked: int) -> int | None:
    if asked == NONE:
        return None
    if asked < FEWEST_PROCESSES:
        raise PlanInputError(
            f"server_limit_invalid: whisper_server_pids_limit is {asked}, and no server starts with fewer than"
            f" {FEWEST_PROCESSES} processes and threads. Set a higher limit, or {NONE} for none."
        )
    return asked
