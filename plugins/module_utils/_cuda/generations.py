# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which generation a product is of, by its name: for drivers so old that nothing tells the compute capability.

It decides advice only, never what is built: within a generation names do not tell the compute capability.
Sources: NVIDIA's lists of CUDA GPUs and of legacy GPUs with their last driver branch, looked up 2026-11.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from . import tables


class Generation(NamedTuple):
    name: str
    # None: no driver branch has dropped it yet.
    last_branch: int | None
    # whisper.cpp's CUDA code is made for it.
    served: bool


_TESLA = Generation("Tesla (compute capability 1.x)", 340, served=False)
_FERMI = Generation("Fermi", 390, served=False)
_KEPLER = Generation("Kepler", 470, served=False)
_MAXWELL = Generation("Maxwell", tables.LAST_BRANCH_BEFORE_TURING, served=True)
_PASCAL = Generation("Pascal", tables.LAST_BRANCH_BEFORE_TURING, served=True)
_VOLTA = Generation("Volta", tables.LAST_BRANCH_BEFORE_TURING, served=True)
_LATER = Generation("Turing or newer", None, served=True)

# The first that fits. A number that two generations share is given to the older one where both are dead ends, and to
# none where one of them is served: then the name says nothing.
_NAMES: tuple[tuple[str, Generation], ...] = (
    (r"GeForce (?:GT |GTX |GTS |GS |GSO |GX2 )?[89]\d00M?\b", _TESLA),
    (r"GeForce (?:G|GT|GTS|GTX)? ?[123]\d{2}M?\b", _TESLA),
    (r"Quadro (?:FX|CX|NVS) ?\d+|Tesla [CMS](?:8|10)\d{2}\b|\bIon\b", _TESLA),
    (r"GeForce (?:GT|GTS|GTX)? ?[45]\d{2}M?X?\b", _FERMI),
    (r"Quadro [1-7]000M?\b(?! Ada)|Quadro (?:400|410|600)\b|Tesla [CMSX]20\d{2}\b", _FERMI),
    (r"GeForce GTX (?:745|750)|GeForce (?:8[34]\d|9[3-8]\d)[AM]\b", _MAXWELL),
    (r"GeForce (?:GTX )?9[5-8]\d(?: Ti)?M?\b|GTX TITAN X|GeForce 9[34]0MX?\b", _MAXWELL),
    (r"Tesla M(?:4|6|10|40|60)\b|GRID M|Quadro M\d|Quadro K(?:620|1200|2200)\b|NVS 810", _MAXWELL),
    (r"GeForce (?:GT|GTX)? ?[67]\d{2}M?X?\b|GTX TITAN\b|Tesla K\d|GRID K|Quadro K\d|NVS (?:3|5)10\b", _KEPLER),
    (r"GeForce (?:GT|GTX) 10\d{2}|GeForce MX[123]\d0\b|TITAN Xp?\b|Tesla P\d|GRID P\d|Quadro G?P\d", _PASCAL),
    (r"V100|TITAN V\b|GV100|TITAN CEO", _VOLTA),
    (r"GeForce GTX 16\d{2}|RTX|GeForce MX[45]\d0|TITAN RTX|Tesla T\d|\bT(?:4|4G|4\d{2}|6\d{2}|1\d{3})\b", _LATER),
    (r"\b(?:A[1-9]\d{0,2}[XMG]?|L[24]\d?S?|H[128]00|H200|GH200|B[123]00|GB\d{2,3})\b", _LATER),
)


def generation_of(product: str | None) -> Generation | None:
    """None for a name that does not tell."""
    for pattern, generation in _NAMES:
        if re.search(pattern, product or ""):
            return generation
    return None


def driver_advice(products: list[str | None], floor: str) -> str:
    """Which driver the GPUs of a host can have, for a host whose driver is older than ``floor``."""
    known = [generation_of(product) for product in products]
    found = [generation for generation in known if generation is not None]
    if found and len(found) == len(known) and not any(generation.served for generation in found):
        ends = ", ".join(dict.fromkeys(f"{one.last_branch} is the last branch for {one.name}" for one in found))
        return (
            f"No driver helps: {ends}, and whisper.cpp's CUDA code is made for compute capability "
            f"{tables.WHISPER_FIRST_COMPUTE_CAPABILITY[0]}.0 and newer. Use a newer GPU, or set 'allow_cpu: always'."
        )
    newest = tables.MAJOR_FLOORS[max(tables.MAJOR_FLOORS)]
    last = [one.last_branch for one in found if one.served and one.last_branch]
    if last:
        names = " and ".join(dict.fromkeys(one.name for one in found if one.served and one.last_branch))
        return f"Install a driver ≥ {floor}, not beyond branch {min(last)}, which is the last for {names}."
    if found and len(found) == len(known):
        return f"Install a driver ≥ {newest}, which every GPU of this host can have."
    return (
        f"Install a driver ≥ {floor} that supports the GPU: not beyond {tables.LAST_BRANCH_BEFORE_TURING} for Maxwell, "
        f"Pascal and Volta, ≥ {newest} for Turing and newer. For older GPUs (340, 390 or 470 is their last branch) no "
        "driver helps: use a newer GPU, or set 'allow_cpu: always'."
    )
