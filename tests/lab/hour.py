"""An hour of speech from one clip, said again every half minute.

hour.py CLIP TARGET
"""

from __future__ import annotations

import sys
import wave

SECONDS, TIMES = 30, 120


def main(clip: str, target: str) -> None:
    with wave.open(clip) as source:
        form = source.getparams()
        speech = source.readframes(form.nframes)
    silence = bytes(form.framerate * form.sampwidth * form.nchannels * SECONDS - len(speech))
    with wave.open(target, "wb") as hour:
        hour.setparams(form)
        for _time in range(TIMES):
            hour.writeframes(speech + silence)


if __name__ == "__main__":
    main(*sys.argv[1:])
