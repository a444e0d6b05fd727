"""The program that systemd starts for each file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import pytest

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
DECODE = Path(__file__).parents[4] / "roles" / "whisper_api" / "files" / "decode.py"


@pytest.fixture
def decode(tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()

    def run(data, seconds=20, ffmpeg=FFMPEG):
        limits = [
            "--seconds",
            str(seconds),
            "--audio-seconds",
            "60",
            "--spool-dir",
            str(spool),
            "--ffmpeg",
            str(ffmpeg),
        ]
        ended = subprocess.run(
            [sys.executable, "-I", str(DECODE), *limits], input=data, capture_output=True, check=True
        )
        assert list(spool.iterdir()) == []
        said, _end, samples = ended.stdout.partition(b"\n")
        return json.loads(said), samples

    return run


def test_samples_follow_their_number(decode, speech, seconds):
    said, samples = decode(b"wav\n" + speech)
    assert said == {"bytes": len(samples)}
    assert len(samples) / 32000 == pytest.approx(seconds, abs=0.01)


@pytest.mark.parametrize("demuxer", [b"hls", b"concat", b"", b"lavfi", b"wav,hls", b"x" * 1000])
def test_a_container_that_is_not_of_the_list_is_not_given_to_ffmpeg(decode, speech, demuxer):
    assert decode(demuxer + b"\n" + speech) == ({"error": "undecodable"}, b"")


def test_a_playlist_has_no_other_file_decoded(decode, speech, tmp_path):
    other = tmp_path / "other.aac"
    made = ["-f", "wav", "-i", "-", "-c:a", "aac", "-f", "adts", other]
    subprocess.run([FFMPEG, "-loglevel", "error", *made], input=speech, check=True)
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:4,\nfile://{other}\n#EXT-X-ENDLIST\n"
    assert decode(b"hls\n" + playlist.encode()) == ({"error": "undecodable"}, b"")


def test_a_decoder_that_takes_too_long_is_ended(decode, tmp_path):
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    slow.chmod(0o755)
    assert decode(b"wav\n", seconds=1, ffmpeg=slow) == ({"error": "time"}, b"")


def test_without_ffmpeg_the_decoder_says_so(decode, tmp_path):
    assert decode(b"wav\n", ffmpeg=tmp_path / "none") == ({"error": "decoder"}, b"")


def test_no_more_is_decoded_than_a_second_past_the_limit(decode):
    """The limit of these tests is a minute: of ten, a minute and a second."""
    silence = ["-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "600", "-f", "flac", "-"]
    long = subprocess.run([FFMPEG, "-loglevel", "error", *silence], capture_output=True, check=True).stdout
    said, samples = decode(b"flac\n" + long)
    assert said == {"bytes": len(samples)}
    assert len(samples) / 32000 == pytest.approx(61, abs=0.1)


def test_sound_of_a_codec_that_is_not_of_the_list_is_not_decoded(decode, speech):
    made = ["-f", "wav", "-i", "-", "-c:a", "adpcm_yamaha", "-f", "wav", "-"]
    ended = subprocess.run([FFMPEG, "-loglevel", "error", *made], input=speech, capture_output=True, check=True)
    assert decode(b"wav\n" + ended.stdout) == ({"error": "undecodable"}, b"")
