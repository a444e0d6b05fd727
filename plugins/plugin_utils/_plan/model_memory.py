# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much GPU memory a server takes with each model: measured, or derived from what was measured.

The measurements are those of docs/tested-configurations (2026-11-22, one H100, driver 580.159.04, CUDA 13.0,
whisper.cpp 1.8.5); a unit test compares the table with that file. No other GPU has been measured. An H100 has more
multiprocessors than the GPUs that people fear for, and the CUDA context grows with them: elsewhere it is rather less.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .models import MIB, MODELS

# Peak of what was in use on the GPU with one server: `gpu_memory_peak_mib`.
MEASURED_MIB: dict[str, int] = {
    "tiny": 1380,
    "base": 1480,
    "small": 1906,
    "medium": 3136,
    "large-v3-turbo": 2982,
    "large-v3": 4874,
}
# Of that the driver's own share. It is in use with no server on the GPU too (480 to 483 MiB), so it is not free before
# the first one starts; and the second server of `base` added 974 MiB to the first one's 1456, that of `large-v3-turbo`
# 2468 to 2950.
DRIVER_SHARE_MIB = 482

# Ours, not measured: room for other GPUs and drivers than the one measured, and for a desktop on the same GPU.
HEADROOM_FACTOR = 1.25

_QUANTIZED = re.compile(r"-q\d_\d$")
# A model of the same shape as a measured one: the same layers and widths, and weights of the same number.
_SAME_SHAPE = {"large-v1": "large-v3", "large-v2": "large-v3"}


class Memory(NamedTuple):
    mib: int  # in use on the GPU with one server
    basis: str  # where the figure comes from, for a sentence
    weights_mib: int  # what every GPU needs, whatever its driver and context take

    def of(self, servers: int) -> int:
        """The driver's share is counted once, on the safe side: some drivers take it before the first server."""
        return self.mib + (servers - 1) * (self.mib - DRIVER_SHARE_MIB)


def memory_of(name: str) -> Memory | None:
    """None for a file of one's own, whose shape is not known."""
    model = MODELS.get(name)
    if model is None:
        return None
    unquantized = _QUANTIZED.sub("", name)
    shape = unquantized.replace("-tdrz", "").replace(".en", "")
    shape = _SAME_SHAPE.get(shape, shape)
    mib, weights = MEASURED_MIB[shape], model.size_mib
    if unquantized != name:
        # Its weights take less, and all else (context, caches, buffers) is as large.
        mib -= (MODELS[unquantized].bytes - model.bytes) // MIB
        return Memory(mib, f"derived: {shape} as measured on an H100, less what its weights are smaller by", weights)
    if shape != name:
        return Memory(mib, f"as measured on an H100 with {shape}, whose shape it has", weights)
    return Memory(mib, "measured on an H100", weights)


def with_headroom_mib(memory: Memory, servers: int) -> int:
    return int(memory.of(servers) * HEADROOM_FACTOR)
