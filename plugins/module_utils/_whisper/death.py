# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a server ended: by its last lines, and where they say nothing by its exit code. Private to this collection.

The lines come first. whisper-server is the first process of its container, which the kernel lets no signal of its own
end: what it ends by `abort()` (134 elsewhere) has the exit code 139 there.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.ending import (
    Ending,
    fatal_line,
    in_inference,
    last_run,
    told,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Gpu
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.facts import Facts, against, first

_ILLEGAL_INSTRUCTION = 132
_KILLED = 137

SMALLER_MODEL = "choose a smaller model (model in whisper_policy) or fewer servers (instances_per_gpu)"


class _Kind(NamedTuple):
    """What CUDA, ggml or the C++ library say, and what it means."""

    code: str
    words: re.Pattern[str]
    meaning: str
    remedy: str


# The first that fits; more than one may, and the earlier explains the later. CUDA's errors 46; 2 and cuBLAS's 3; 214,
# 220 and 714; 801.
_KINDS = (
    _Kind(
        "gpu_busy",
        re.compile(r"busy or unavailable"),
        "The GPU lets no further program in",
        "`nvidia-smi -q -d COMPUTE` shows its compute mode: in Exclusive_Process one program has it for itself. End"
        " that program, or set the mode with `nvidia-smi -i INDEX -c DEFAULT`. With MIG on, give the server a MIG"
        " device.",
    ),
    _Kind(
        "gpu_out_of_memory",
        re.compile(r"out of memory|failed to allocate CUDA\d* buffer|resource allocation failed|ALLOC_FAILED"),
        "The GPU has no memory left for the server",
        f"Free the GPU's memory, or {SMALLER_MODEL}.",
    ),
    _Kind(
        "gpu_hardware_error",
        re.compile(r"uncorrectable|hardware stack error|NVLink error"),
        "The GPU reports a fault of its hardware",
        "Look at `dmesg | grep Xid` and `nvidia-smi -q -d ECC,PAGE_RETIREMENT,ROW_REMAPPER`. Reset the GPU"
        " (`nvidia-smi -i INDEX --gpu-reset`, while nothing uses it) or restart the host; if it comes back, replace"
        " the GPU.",
    ),
    _Kind(
        "cuda_not_supported",
        re.compile(r"operation not supported"),
        "The driver refuses what CUDA asks of this GPU",
        "On a vGPU: a licensed profile that has CUDA (C or Q, not A or B), and of the driver the guest's version;"
        " `nvidia-smi -q` shows profile and license. Under WSL: the newest driver of Windows.",
    ),
    _Kind(
        "out_of_memory",
        re.compile(r"insufficient memory|failed to allocate (?:CPU )?buffer|bad_alloc|[Cc]annot allocate memory"),
        "The host has no memory left for the server",
        f"Free memory on the host, or {SMALLER_MODEL}.",
    ),
)


def illegal_instruction(facts: Facts) -> Problem | None:
    """An image that was built for a newer processor."""
    if facts.ending is None or facts.ending.exit_code != _ILLEGAL_INSTRUCTION:
        return None
    return Problem.documented(
        "illegal_instruction",
        f"The image is built for a newer processor than this host's. {_died(facts.ending)}",
        "Take an image with code for every processor, or let the host build its own: whisper_policy: {prefer: local}."
        " site.yml plans again without an official image that ends so.",
    )


def resources(facts: Facts) -> Problem | None:
    """What whoever ran out of something said, whether the server has ended by now or not."""
    # Of a server that still runs only what its own start said: what earlier ones had met may be over.
    lines = last_run(facts.ending.lines) if facts.ending else list(facts.log.negative if facts.log else ())
    for kind in _KINDS:
        said = first(kind.words, lines)
        if said is None:
            continue
        held = f" {_held(facts)}" if kind.code in ("gpu_out_of_memory", "gpu_busy") else ""
        return Problem.documented(
            kind.code, f"{kind.meaning}: {said.strip().rstrip('.')}.{how(facts)}{held}", kind.remedy
        )
    return None


def died(facts: Facts) -> Problem | None:
    ending = facts.ending
    if ending is None:
        return None
    if ending.out_of_memory and ending.memory_limit_mib:
        return _out_of_its_limit(ending, ending.memory_limit_mib)
    if ending.exit_code == _KILLED or ending.out_of_memory:
        return Problem.documented(
            "server_killed",
            f"The server was killed from outside. {_died(ending)}",
            "Look at `dmesg | grep -i -e 'out of memory' -e oom`: if the kernel did it, the host or the container has"
            f" too little memory: {SMALLER_MODEL}. Otherwise find who did it.",
        )
    if in_inference(ending.lines):
        return Problem.documented(
            "server_died_in_inference",
            _died(ending),
            "Read its last log lines. Take an image of another version of whisper.cpp, or let the host build its own:"
            " whisper_policy: {prefer: local}; if that ends in the same way, look at `dmesg | grep Xid` for a fault"
            " of the GPU.",
        )
    # At its start CUDA's own words are told as such.
    if against(facts):
        return None
    return Problem.documented(
        "server_failed",
        _died(ending),
        "Read its last log lines: a model, an argument or a library that it does not take.",
    )


def _out_of_its_limit(ending: Ending, limit_mib: int) -> Problem:
    """The engine's word is the kernel's count, which a host without memory raises too."""
    return Problem.documented(
        "server_killed",
        "The kernel killed the server for want of memory. Its container is limited to"
        f" {limit_mib} MiB. {_died(ending)}",
        "`dmesg | grep -i 'out of memory'` has a line of it. With `Memory cgroup` it was the limit: send shorter audio,"
        " set whisper_server_upload_mib to the size of the largest upload in MiB, or set"
        f" whisper_server_memory_limit_mib. Without, the host has too little memory: {SMALLER_MODEL}.",
    )


def how(facts: Facts) -> str:
    """A sentence more, where the server has ended."""
    return f" {_ended(facts.ending)}." if facts.ending else ""


def _died(ending: Ending) -> str:
    said = fatal_line(ending.lines)
    return _ended(ending) + (f": {said.rstrip('.')}." if said else ".")


def _ended(ending: Ending) -> str:
    return f"The server died {'in its inference' if in_inference(ending.lines) else 'at its start'} ({told(ending)})"


def _held(facts: Facts) -> str:
    """Who holds the memory of the server's GPU."""
    gpu = next((one for one in facts.gpus if one.uuid and one.uuid == facts.gpu), None)
    if gpu is None or gpu.memory_total_mib is None or gpu.memory_used_mib is None:
        return "Which programs hold it is not known; `nvidia-smi` lists them."
    return f"Of {gpu.memory_total_mib} MiB of {gpu.uuid} {gpu.memory_used_mib} are in use now: {_programs(gpu)}."


def _programs(gpu: Gpu) -> str:
    listed = sorted(gpu.processes or [], key=lambda one: -(one.used_memory_mib or 0))
    return ", ".join(
        f"{one.name or 'process'} ({one.pid}"
        + (f", container {one.container_id[:12]}" if one.container_id else "")
        + (f", {one.used_memory_mib} MiB)" if one.used_memory_mib is not None else ")")
        for one in listed
    ) or ("by whom the driver does not say" if gpu.processes is None else "no other program")
