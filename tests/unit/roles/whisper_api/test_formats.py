"""Each format that OpenAI's API names reaches the server as what it reads; what is none gets one clear error."""

from __future__ import annotations

import io
import struct
import sys
import wave
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from api_host import wait_for  # beside this file

# Suffix → how ffmpeg makes it.
FORMATS = {
    "flac": ["-c:a", "flac"],
    "m4a": ["-c:a", "aac"],
    "mp3": ["-c:a", "libmp3lame"],
    "mp4": ["-c:a", "aac", "-movflags", "+faststart"],
    "mpeg": ["-c:a", "mp2", "-f", "mpeg"],
    "mpga": ["-c:a", "mp2", "-f", "mp2"],
    "ogg": ["-c:a", "libvorbis"],
    "oga": ["-c:a", "libopus", "-f", "ogg"],
    "wav": ["-c:a", "pcm_s24le", "-ar", "44100", "-ac", "2"],
    "webm": ["-c:a", "libopus"],
    "aac": ["-c:a", "aac", "-f", "adts"],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory, ffmpeg, speech):
    directory = tmp_path_factory.mktemp("formats")
    (directory / "speech").write_bytes(speech)

    def make(suffix, *arguments):
        path = directory / f"speech.{suffix}"
        ffmpeg("-i", directory / "speech", *(arguments or FORMATS[suffix]), path)
        return path.read_bytes()

    return make


def sound(upload):
    with wave.open(io.BytesIO(upload["file"])) as file:
        return file.getframerate(), file.getnchannels(), file.getsampwidth(), file.getnframes() / file.getframerate()


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_format_reaches_the_server_as_sound(service, made, seconds, suffix):
    status, _headers, answer = service.post(("file", "by its first bytes.bin", made(suffix)), ("model", "whisper-1"))
    assert (status, answer["text"]) == (200, "deploy the server image on host seven")
    assert sound(service.server.requests[0])[:3] == (16000, 1, 2)
    # A codec adds a frame or two of silence.
    assert sound(service.server.requests[0])[3] == pytest.approx(seconds, abs=0.15)


def test_an_mp3_with_a_cover_in_its_tag_is_one(service, made):
    tag = b"ID3\x04\0\0" + bytes([0, 6, 0, 0]) + bytes(6 << 14)
    assert service.post(("file", "speech.mp3", tag + made("mp3")))[0] == 200


def test_a_wav_of_the_servers_own_kind_starts_no_decoder(service, speech):
    assert service.post(("file", "speech.wav", speech))[0] == 200
    assert service.server.requests[0]["file"] == speech
    # The samples alone: what else is in the file stays here.
    length = struct.pack("<I", len(speech) - 8 + 12)
    extra = b"RIFF" + length + speech[8:36] + b"LIST\x04\0\0\0junk" + speech[36:]
    assert service.post(("file", "speech.wav", extra))[0] == 200
    assert service.server.requests[1]["file"] == speech
    assert service.decoder.started == 0


def test_a_wav_without_its_length_as_a_pipe_gets_it_is_decoded(service, speech, seconds):
    streamed = bytearray(speech)
    streamed[4:8] = streamed[40:44] = b"\xff\xff\xff\xff"
    assert service.post(("file", "speech.wav", bytes(streamed)))[0] == 200
    assert sound(service.server.requests[0])[3] == pytest.approx(seconds, abs=0.15)


def test_a_video_with_sound_is_its_sound(service, made, seconds):
    picture = ["-f", "lavfi", "-i", "color=black:s=64x64:r=5", "-shortest", "-c:v", "mpeg4", "-c:a", "aac"]
    assert service.post(("file", "film.mp4", made("film.mp4", *picture)))[0] == 200
    assert sound(service.server.requests[0])[3] == pytest.approx(seconds, abs=0.3)


def refused(service, data, name="speech.mp3"):
    status, headers, answer = service.post(("file", name, data))
    assert headers.get_content_type() == "application/json"
    assert set(answer["error"]) == {"message", "type", "param", "code"}
    assert (answer["error"]["type"], answer["error"]["param"]) == ("invalid_request_error", "file")
    assert service.server.requests == []
    # A decoder removes its own after it has answered.
    wait_for(lambda: not list(service.spool.iterdir()))
    return status, answer["error"]["code"]


def test_a_video_without_sound_is_refused(service, made):
    data = made("silent.mp4", "-f", "lavfi", "-i", "color=black:s=64x64:r=5", "-map", "1:v", "-t", "1", "-c:v", "mpeg4")
    assert refused(service, data) == (400, "audio_undecodable")


def test_a_file_that_was_cut_before_its_index_is_refused(service, made):
    data = made("cut.m4a", "-c:a", "aac")
    assert refused(service, data[: len(data) // 2]) == (400, "audio_undecodable")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "audio_empty"),
        (b"No audio at all, only words.", "unsupported_format"),
        (bytes(100_000), "unsupported_format"),
        (b"fLaC" + bytes(1000), "audio_undecodable"),
        (b"\x1aE\xdf\xa3" + b"\xff" * 1000, "audio_undecodable"),
        (b"\0\0\0\x20ftypisom" + bytes(1000), "audio_undecodable"),
        (b"OggS" + bytes(1000), "audio_undecodable"),
        (b"RIFF\x24\0\0\0WAVE", "audio_undecodable"),
        (b"\xff\xfb", "audio_undecodable"),
        # Playlists, by which ffmpeg would open other files, also with a signature before them.
        (b"ffconcat version 1.0\nfile '/etc/passwd'\n", "unsupported_format"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", "unsupported_format"),
        (b"ID3\x04\0\0\0\0\0\0#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", "audio_undecodable"),
        (b"ID3\x04\0\0\0\0\0\0ffconcat version 1.0\nfile '/etc/passwd'\n", "audio_undecodable"),
        (b'<?xml version="1.0"?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>', "unsupported_format"),
    ],
)
def test_what_is_no_audio_is_refused(service, data, code):
    assert refused(service, data) == (400, code)


def with_sound_elsewhere(film, path):
    """The QuickTime film with a data reference (an alias with an absolute path) in place of its own samples."""
    name = path.encode() + b"\0" * (len(path) % 2)
    alias = bytes(10) + b"\0" + bytes(27) + bytes(12) + b"\0" + bytes(63) + bytes(16) + b"\0\1\0\1" + bytes(16)
    alias = b"alis" + bytes(4) + alias + struct.pack(">HH", 2, len(name)) + name + b"\xff\xff"
    entry = film.index(b"\0\0\0\x0curl \0\0\0\1", film.index(b"dref"))
    changed = bytearray(film[:entry] + struct.pack(">I", len(alias) + 4) + alias + film[entry + 12 :])
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        there = film.index(box) - 4
        struct.pack_into(">I", changed, there, struct.unpack_from(">I", film, there)[0] + len(alias) + 4 - 12)
    return bytes(changed)


def test_a_film_whose_sound_is_in_another_file_does_not_open_it(service, made, ffmpeg, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"\x5a" * 200_000)
    film = with_sound_elsewhere(made("reference.mov", "-c:a", "pcm_s16le", "-f", "mov"), str(secret))
    (tmp_path / "film.mov").write_bytes(film)
    # It is a reference: who follows it gets the other file's bytes.
    follow = ["-f", "mov", "-enable_drefs", "1", "-use_absolute_path", "1"]
    ffmpeg(*follow, "-i", tmp_path / "film.mov", "-f", "s16le", tmp_path / "followed")
    assert b"\x5a" * 100 in (tmp_path / "followed").read_bytes()
    assert refused(service, film) == (400, "audio_undecodable")


def test_audio_that_is_too_short_or_too_long_is_refused(service, made):
    assert refused(service, made("short.flac", "-t", "0.05")) == (400, "audio_too_short")
    long = made("long.flac", "-f", "lavfi", "-i", "anullsrc=r=8000:d=62", "-map", "1:a")
    assert refused(service, long) == (400, "audio_too_long")
