# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text of strangers, made visible: nothing in it may hide, reorder its neighbours or be too long to look at."""

from __future__ import annotations

import unicodedata

# The JSON beside the page has it whole.
LONGEST_TEXT = 2000
KEPT = "\n\t"


def shown(value: object, longest: int = LONGEST_TEXT) -> str:
    """Control characters, those that turn the direction of writing, and halves of characters become their numbers."""
    whole = str(value)
    text = "".join(character if _visible(character) else f"⟨U+{ord(character):04X}⟩" for character in whole[:longest])
    left = len(whole) - longest
    return text if left <= 0 else f"{text}… ({left} more characters are in the JSON)"


def _visible(character: str) -> bool:
    if character in KEPT or character.isalnum():
        return True
    # Cc control, Cf format (among them all that turn the direction), Cs surrogate, Co and Cn without a meaning.
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
