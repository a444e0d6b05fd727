# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a whisper-server knows the flags that it is to be started with, by what it prints for ``--help``.

One that meets a flag that it does not know ends with exit code 0, which looks like an orderly end.
"""

from __future__ import annotations

import re
from typing import Iterator, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem

from .server_options import flag_owner

# `  -t N,      --threads N                 [2      ] number of …`: the flags stand before the default.
_FLAG = re.compile(r"(?<![\w-])--?[a-zA-Z][\w-]*")
# Each version has it. Without it the text is something else: an error, or nothing.
_ALWAYS = "--model"


def flags(text: str) -> frozenset[str]:
    """All flags of a help text; none of a text that is no help of whisper-server."""
    lines = (line.partition("[")[0] for line in text.splitlines() if line.lstrip().startswith("-"))
    found = frozenset(flag for line in lines for flag in _FLAG.findall(line))
    return found if _ALWAYS in found else frozenset()


def unknown_flags(text: str, arguments: Sequence[str], image: str) -> list[str]:
    """A sentence for each argument that is a flag and that the help text lacks; none where there is no help text.

    ``arguments`` are those of `server_command`: a value that begins with a dash follows a flag that has one.
    """
    known = flags(text)
    return [_sentence(flag, image) for flag in _flags_of(arguments) if flag not in known] if known else []


def _flags_of(arguments: Sequence[str]) -> Iterator[str]:
    words = iter(arguments)
    for word in words:
        yield word
        option = flag_owner(word)
        # Of the flags that no variable sets, --no-gpu alone has no value.
        if word != "--no-gpu" and (option is None or option.kind is not bool):
            next(words, None)


def _sentence(flag: str, image: str) -> str:
    option = flag_owner(flag)
    if option is None:
        seen, remedy = f"the role sets {flag}", "Deploy an image with a newer whisper.cpp."
    else:
        seen = f"{option.variable} sets {flag}"
        remedy = f"Unset it, or deploy an image with whisper.cpp {option.since} or newer."
    return str(
        Problem.documented(
            "server_option_unknown",
            f"{seen}, which whisper-server of {image} does not know, so that it would end at once.",
            f"{remedy} No server was stopped or replaced.",
        )
    )
