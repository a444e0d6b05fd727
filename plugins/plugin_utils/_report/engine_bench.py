# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The timings that whisper.cpp's own benchmark prints. Private to this collection."""

from __future__ import annotations

import re
from typing import Any

# whisper_print_timings:   encode time =    23.45 ms /     1 runs (    23.45 ms per run)
_TIMING = re.compile(
    r"^whisper_print_timings:\s+(?P<stage>\w+) time =\s*(?P<total>[\d.]+) ms /\s*(?P<runs>\d+) runs \(",
    re.MULTILINE,
)
_LOAD = re.compile(r"^whisper_print_timings:\s+load time =\s*([\d.]+) ms", re.MULTILINE)
_STAGES = {
    "encode": "encode_ms",
    "decode": "decode_ms_per_token",
    "batchd": "batch_of_5_ms_per_token",
    "prompt": "prompt_ms_per_token",
}


def timings(output: str) -> dict[str, Any] | None:
    """Milliseconds of a 30 s window (encode) and of a token (the rest); None where the benchmark did not finish."""
    found = {
        # The printed quotient has two decimals, too few for a token on a fast GPU.
        _STAGES[match.group("stage")]: round(float(match.group("total")) / int(match.group("runs")), 4)
        for match in _TIMING.finditer(output)
        if match.group("stage") in _STAGES and int(match.group("runs")) > 0
    }
    if set(found) != set(_STAGES.values()):
        return None
    load = _LOAD.search(output)
    return {"load_ms": float(load.group(1)) if load else None, **found}
