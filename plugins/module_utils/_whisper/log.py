# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What whisper-server says of itself while it starts: where its weights lie. Private to this collection.

Only the lines up to the end of the first load count. From then on the server answers requests, and prints what its
clients send (the name of a file, of a model): any of them could have it print a line that reads like a proof.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# The socket opens only after this line, the last one of a load.
_LOADED = re.compile(r"whisper_init_state: compute buffer \(decode\)")
_LOADING = re.compile(r"whisper_model_load: loading model")
# The first thing that the server prints for a request.
_REQUEST = re.compile(r"system_info: |operator\(\): |error: ")

_PLACEMENT = re.compile(r"whisper_model_load:\s+(\S+) total size =\s+([\d.]+) MB", re.ASCII)
_BACKEND = re.compile(r"whisper_backend_init_gpu: using (\S+) backend")
_DEVICE = re.compile(r"\s+Device (\d+): (.+), compute capability (\d+\.\d+),", re.ASCII)
_WISH = re.compile(r"use gpu\s+= ([01])")
_CUDA_BUFFER = re.compile(r"CUDA\d+", re.ASCII)

# What whisper.cpp and ggml print where the GPU is out of reach. The text behind the colon is the CUDA runtime's own.
_NEGATIVE = (
    re.compile(r"ggml_cuda_init: failed to initialize CUDA: (.+)"),
    re.compile(r"whisper_backend_init_gpu: (no GPU found)"),
    re.compile(r"whisper_backend_init_gpu: (failed to initialize \S+ backend)"),
    re.compile(r"(load_backend: failed to load .*cuda.*)"),
    re.compile(r".*cudaMalloc failed: (.+)"),
    re.compile(r"CUDA error: (.+)"),
    re.compile(r".*(CUDA kernel \S+ has no device code compatible with CUDA arch \d+)", re.ASCII),
    re.compile(r".*error while loading shared libraries: (lib(?:cuda|cudart|cublas\w*|ggml-cuda)\.so.*)"),
)


class Device(NamedTuple):
    number: int
    name: str
    compute_capability: str


class ServerLog(NamedTuple):
    """``complete`` is False where the start of the server is not in the log, or not yet all of it."""

    complete: bool
    # Megabytes of weights by the buffer that holds them: {"CUDA0": 147.37}, {"CPU": 147.37}.
    placement_mb: dict[str, float]
    backend: str | None
    devices: list[Device]
    # What the server was asked to do. It proves nothing: a build without CUDA prints 1 too.
    wished_for_gpu: bool | None
    negative: list[str]

    @property
    def cuda_mb(self) -> float:
        return round(sum(size for name, size in self.placement_mb.items() if _CUDA_BUFFER.fullmatch(name)), 2)

    @property
    def placed_on_gpu(self) -> bool | None:
        """None where the log cannot tell: its start is not there."""
        if self.negative:
            return False
        if not self.complete:
            return None
        # The weights may be spread: those of operations that CUDA lacks stay with the CPU. Most of them must not.
        return self.cuda_mb > 0 and self.cuda_mb * 2 >= sum(self.placement_mb.values())


def read_log(text: str) -> ServerLog:
    """``text``: what the server wrote to its standard error, from its start on."""
    started = loaded = False
    placement: dict[str, float] = {}
    devices: list[Device] = []
    backend: str | None = None
    wish: bool | None = None
    negative: list[str] = []
    for line in text.splitlines():
        if _REQUEST.match(line):
            break
        started = started or bool(_LOADING.match(line))
        found = _PLACEMENT.match(line)
        if found:
            name, size = found.groups()
            placement[name] = placement.get(name, 0.0) + _number(size)
        found = _BACKEND.match(line)
        if found:
            backend = found.group(1)
        found = _DEVICE.match(line)
        if found:
            devices.append(Device(int(found.group(1)), found.group(2), found.group(3)))
        found = _WISH.search(line)
        if found:
            wish = found.group(1) == "1"
        said = negative_in(line)
        if said:
            negative.append(said)
        if _LOADED.match(line):
            loaded = True
            break
    return ServerLog(started and loaded, placement, backend, devices, wish, negative)


def negative_in(line: str) -> str | None:
    """What a line says against the GPU."""
    for pattern in _NEGATIVE:
        found = pattern.match(line)
        if found:
            return found.group(1).strip().rstrip(".")
    return None


def last_words(text: str) -> list[str]:
    """All that speaks against the GPU in a log, requests and earlier starts too: to name a cause, never to prove."""
    said = [negative_in(line) for line in text.splitlines()]
    return list(dict.fromkeys(one for one in said if one))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
