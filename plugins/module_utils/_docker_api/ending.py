# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a server's process ended: its exit code, its restarts and the last lines it wrote. Private to this collection.

The lines may hold what a client had printed. They name a diagnosis and never prove anything.
"""

from __future__ import annotations

import re
import signal
from typing import NamedTuple, Sequence

_FIRST_SIGNAL = 128

# The first lines of a start, of a build with its backends in libraries of their own and of one without.
_START = re.compile(r"whisper_init_from_file\w*: loading model|load_backend: loaded ")
# The first line of a request.
_REQUEST = re.compile(r"operator\(\): |system_info: ")
_LOADED = re.compile(r"whisper_init_state: compute buffer \(decode\)")

# What programs say as they give up, in the words of ggml, of CUDA, of C++, of the loader and of whisper.cpp.
_FATAL = (
    re.compile(r".*CUDA kernel \S+ has no device code compatible"),
    re.compile(r".*\b(?:cudaMalloc|cuMem\w+|cudaHostAlloc|cudaMallocHost) failed: "),
    re.compile(r"CUDA error: "),
    re.compile(r".*GGML_ASSERT\(.*\) failed"),
    re.compile(r"\S+\.(?:cuh?|cpp|c|h):\d+: (?!CUDA error$)"),
    re.compile(r"ggml_\w+: (?:insufficient memory|failed to allocate)"),
    re.compile(r"alloc_tensor_range: failed to allocate"),
    re.compile(r".*(?:error while loading shared libraries|symbol lookup error): |.*: version `\S+' not found"),
    re.compile(r".*: command not found$|exec .*: (?:no such file or directory|exec format error)$"),
    re.compile(r"whisper_init_\w+: failed to (?:open|load)|couldn't bind to server socket"),
    re.compile(r"terminate called |\s*what\(\): "),
    re.compile(r"whisper_model_load: (?:invalid|unknown|failed|.* not found|ERROR)"),
    re.compile(r"error: "),
    re.compile(r"(?:Segmentation fault|Illegal instruction|Aborted|Bus error|Killed)\b"),
)


class Ending(NamedTuple):
    """``exit_code`` is None where the engine no longer knows it."""

    exit_code: int | None = None
    # How often the engine has started the server again since it was created.
    restarts: int = 0
    # Whether it runs again.
    running: bool = False
    # Whether the kernel took its life for want of memory, by the engine's own account.
    out_of_memory: bool = False
    lines: Sequence[str] = ()
    # Of its container; None: it has none.
    memory_limit_mib: int | None = None

    def as_dict(self) -> dict[str, object]:
        return {
            "exit_code": self.exit_code,
            "signal": signal_name(self.exit_code),
            "restarts": self.restarts,
            "out_of_memory": self.out_of_memory,
            "memory_limit_mib": self.memory_limit_mib,
            "lines": list(self.lines),
        }


def signal_name(exit_code: int | None) -> str | None:
    """``132`` -> ``SIGILL``: an exit code above 128 is the number of a signal."""
    try:
        return signal.Signals((exit_code or 0) - _FIRST_SIGNAL).name
    except ValueError:
        return None


def told(ending: Ending) -> str:
    """``exit code 139, SIGSEGV, restarted 3 times``."""
    parts = ["exit code unknown" if ending.exit_code is None else f"exit code {ending.exit_code}"]
    parts += [name for name in [signal_name(ending.exit_code)] if name]
    if ending.restarts:
        parts.append("restarted once" if ending.restarts == 1 else f"restarted {ending.restarts} times")
    return ", ".join(parts)


def last_run(lines: Sequence[str]) -> list[str]:
    """The lines since the newest start of the server; all of them where it is no longer there."""
    starts = [number for number, line in enumerate(lines) if _START.match(line)]
    if not starts:
        return list(lines)
    # A start says several such lines, one after the other.
    first = starts[-1]
    while first - 1 in starts:
        first -= 1
    return list(lines[first:])


def in_inference(lines: Sequence[str]) -> bool:
    """Whether the server was at a request when it ended, and not at its start."""
    return any(_REQUEST.match(line) or _LOADED.match(line) for line in last_run(lines))


def fatal_line(lines: Sequence[str]) -> str | None:
    """The first line by which the server gave up; what follows it are consequences."""
    found = (line.strip() for line in last_run(lines) if any(pattern.match(line) for pattern in _FATAL))
    return next(found, None)
