# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long audio in parts, cut in the quietest place near each equal share, and several of them at a time."""

from __future__ import annotations

import array
import asyncio
import contextlib
import math
import os
import sys
import tempfile
from typing import AsyncGenerator, Awaitable, Callable, Sequence, Tuple, TypeVar

from .audio import PIECE, RATE, SAMPLE_BYTES, WAV_HEADER, Audio, wav_header
from .settings import Settings

Result = TypeVar("Result")
# From and to, in samples.
Part = Tuple[int, int]

# So far from the equal share, and no farther than a quarter of it, is looked for a quiet place.
NEAR_SECONDS = 15
FRAME = RATE // 50
# A pause between two words has about so many frames.
PAUSE = 15
# Of each frame, one sample in so many tells how loud it is.
STEP = 4


def cuts(sound: Audio, longest: int) -> list[Part]:
    """About equal parts of about `longest` seconds or less."""
    samples = round(sound.seconds * RATE)
    count = math.ceil(samples / (longest * RATE))
    share = samples / count
    near = int(min(NEAR_SECONDS * RATE, share / 4))
    edges = [0, *(_quietest(sound, round(share * number), near) for number in range(1, count)), samples]
    return list(zip(edges, edges[1:]))


def _quietest(sound: Audio, target: int, near: int) -> int:
    """The middle of the quietest pause around `target`; of several, of the nearest."""
    first = target - near
    heard = array.array("h")
    heard.frombytes(os.pread(sound.file.fileno(), 2 * near * SAMPLE_BYTES, WAV_HEADER + first * SAMPLE_BYTES))
    if sys.byteorder == "big":
        heard.byteswap()
    levels = [sum(map(abs, heard[at : at + FRAME : STEP])) for at in range(0, len(heard) - FRAME + 1, FRAME)]
    pauses = [
        (sum(levels[number : number + PAUSE]), abs(at - target), at)
        for number in range(len(levels) - PAUSE + 1)
        for at in [first + number * FRAME + PAUSE * FRAME // 2]
    ]
    return min(pauses)[2]


def part_of(sound: Audio, part: Part, settings: Settings) -> Audio:
    """The caller closes it."""
    start, end = (WAV_HEADER + sample * SAMPLE_BYTES for sample in part)
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(tempfile.TemporaryFile(dir=settings.spool_dir))
        file.write(wav_header(end - start))
        while start < end:
            piece = os.pread(sound.file.fileno(), min(PIECE, end - start), start)
            if not piece:
                raise OSError("the decoded audio is shorter than it was")
            file.write(piece)
            start += len(piece)
        opened.pop_all()
    return Audio(file, (part[1] - part[0]) / RATE)


async def in_order(calls: Sequence[Callable[[], Awaitable[Result]]], at_once: int) -> AsyncGenerator[Result, None]:
    """Each result in the order of the calls, of which `at_once` run. The first error ends all of them."""
    room = asyncio.Semaphore(at_once)

    async def one(call: Callable[[], Awaitable[Result]]) -> Result:
        async with room:
            return await call()

    tasks = [asyncio.ensure_future(one(call)) for call in calls]
    try:
        for task in tasks:
            while not task.done():
                await asyncio.wait([other for other in tasks if not other.done()], return_when=asyncio.FIRST_COMPLETED)
                for ended in tasks:
                    if ended.done():
                        ended.result()
            yield task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
