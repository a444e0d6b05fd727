# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audio of a wanted length, made by repeating a clip. Private to this collection."""

from __future__ import annotations

import io
import wave


class UnusableAudioError(Exception):
    """The file cannot be repeated; the message says why."""


def clip_seconds(clip: bytes) -> float:
    """Length of a WAV clip."""
    return _read(clip)[2]


def of_length(clip: bytes, seconds: float) -> bytes:
    """A WAV file of exactly ``seconds``: the clip again and again, the last time cut off."""
    parameters, frames, _length = _read(clip)
    wanted = round(seconds * parameters.framerate) * parameters.nchannels * parameters.sampwidth
    repeated = (frames * (wanted // len(frames) + 1))[:wanted]
    output = io.BytesIO()
    with wave.open(output, "wb") as audio:
        audio.setnchannels(parameters.nchannels)
        audio.setsampwidth(parameters.sampwidth)
        audio.setframerate(parameters.framerate)
        audio.writeframes(repeated)
    return output.getvalue()


def _read(clip: bytes) -> tuple[wave._wave_params, bytes, float]:
    try:
        with wave.open(io.BytesIO(clip), "rb") as audio:
            parameters, frames = audio.getparams(), audio.readframes(audio.getnframes())
    except (wave.Error, EOFError) as error:
        raise UnusableAudioError(f"the audio is not a WAV file of plain samples ({error})") from error
    if not frames:
        raise UnusableAudioError("the audio holds no samples")
    size = parameters.nchannels * parameters.sampwidth
    return parameters, frames, len(frames) / size / parameters.framerate
