# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How like two transcripts are. Private to this collection."""

from __future__ import annotations

import difflib
import re

# Comparing takes time with the square of the length, and a server may answer with anything.
_WORDS_ANYHOW, _TIMES_THE_EXPECTED = 1000, 5


def similarity(text: str, expected: str) -> float:
    """Share of the words that both have in the same order, 0 to 1; case and punctuation do not count.

    Of a text many times longer than it should be, the beginning is compared: the share is small either way.
    """
    right = _words(expected)
    said = _words(text)[: _WORDS_ANYHOW + _TIMES_THE_EXPECTED * len(right)]
    return round(difflib.SequenceMatcher(None, said, right, autojunk=False).ratio(), 3)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.casefold())
