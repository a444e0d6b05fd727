# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How like two transcripts are. Private to this collection."""

from __future__ import annotations

import difflib
import re


def similarity(text: str, expected: str) -> float:
    """Share of the words that both have in the same order, 0 to 1; case and punctuation do not count."""
    return round(difflib.SequenceMatcher(None, _words(text), _words(expected), autojunk=False).ratio(), 3)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.casefold())
