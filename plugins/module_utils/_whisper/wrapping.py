# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server breaks its answers at a fixed width. Private to this collection.

The server of whisper.cpp 1.8.4 to 1.9.3 begins a new line before the token that would not fit into 60 bytes, also in
the middle of a word (https://github.com/ggml-org/whisper.cpp/issues/3968, repaired by 81a3fadf6 for 1.9.4).
"""

from __future__ import annotations

from typing import Sequence

WIDTH = 60  # bytes, as the server counts


# A server with one of these breaks its answers because it was told to.
_TOLD = frozenset({"--max-len", "--split-on-word"})


def lines_are_wanted(command: Sequence[str]) -> bool:
    """Whether a server was started with a length of its lines."""
    return not _TOLD.isdisjoint(command)


def wrapped(answer: str) -> bool | None:
    """True for an answer that has that shape, None for one too short to tell.

    Lines of a sound server are the model's own segments. They too may be short, but then they end where a phrase ends.
    """
    lines = answer.strip("\n").split("\n")
    if _size("".join(lines)) <= WIDTH:
        return None
    full = all(_size(line) <= WIDTH < _size(line + _first_word(after)) for line, after in zip(lines, lines[1:]))
    return len(lines) > 1 and _size(lines[-1]) <= WIDTH and full and any(line[-1:].isalnum() for line in lines[:-1])


def _size(text: str) -> int:
    return len(text.encode())


def _first_word(line: str) -> str:
    """With the space before it; of a word that was broken, the rest."""
    word = line.split(maxsplit=1)[0] if line.strip() else ""
    return line[: line.find(word) + len(word)]
