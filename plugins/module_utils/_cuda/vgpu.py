# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vGPU profiles, which a product's name ends in: ``GRID P40-24Q``, ``NVIDIA L4-12Q``, ``NVIDIA A100-3-20C``."""

from __future__ import annotations

import re

_PROFILE = re.compile(
    r"(?:(?:GRID|NVIDIA|Quadro|Tesla)\s+)*(?P<board>[A-Z].*?)-(?:\d{1,2}-)?(?P<size>\d{1,3})(?P<series>[ABCQ])\d?"
    r"(?:ME|NOME)?",
    re.ASCII,
)
_KEPLER_PROFILE = re.compile(r"GRID\s+K[12]\d{2}Q?", re.ASCII)
# GiB of the whole GPU: on Maxwell only that profile has CUDA, and for Pascal the same is reported.
_MAXWELL = {"M6": 8, "M10": 8, "M60": 8}
_PASCAL = {"P4": 8, "P6": 16, "P40": 24, "P100": 16, "P100X": 16, "P100C": 12}


def is_profile(name: str | None) -> bool:
    return bool(_PROFILE.fullmatch(name or "") or _KEPLER_PROFILE.fullmatch(name or ""))


def why_without_cuda(name: str | None) -> str | None:
    """None where the profile has CUDA, or the name is that of no profile."""
    if _KEPLER_PROFILE.fullmatch(name or ""):
        return "no vGPU of a GRID K1 or K2 has it."
    found = _PROFILE.fullmatch(name or "")
    if not found:
        return None
    series = found.group("series")
    if series in ("A", "B"):
        return f"{series}-series profiles are for applications and desktops."
    whole = _MAXWELL.get(found.group("board"))
    if whole is not None and int(found.group("size")) < whole:
        return f"on this GPU only the profile of the whole GPU, {whole}Q, has it."
    return None


def why_perhaps_without_cuda(name: str | None) -> str | None:
    """Where that is reported and was not seen here."""
    found = _PROFILE.fullmatch(name or "")
    whole = _PASCAL.get(found.group("board")) if found else None
    if found and whole is not None and found.group("series") == "Q" and int(found.group("size")) < whole:
        return f"on this GPU it is reported for the profile of the whole GPU, {whole}Q, and not for parts of it."
    return None
