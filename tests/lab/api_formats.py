"""Each format that OpenAI's API names, to each form of answer, on a host of the lab: api_formats.py URL SPEECH TEXT.

Made by the host's own ffmpeg. Prints how many came out right, and fails with those that did not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

KEY = {"Authorization": f"Bearer {os.environ['LAB_API_KEY']}"}
FORMATS = {
    "flac": ["-c:a", "flac"],
    "m4a": ["-c:a", "aac", "-b:a", "128k"],
    "mp3": ["-c:a", "libmp3lame", "-b:a", "128k"],
    "mp4": ["-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart"],
    "mpeg": ["-c:a", "mp2", "-b:a", "160k", "-f", "mpeg"],
    "mpga": ["-c:a", "mp2", "-b:a", "160k", "-f", "mp2"],
    "ogg": ["-c:a", "libvorbis", "-q:a", "8"],
    "oga": ["-c:a", "libopus", "-b:a", "96k", "-f", "ogg"],
    "wav": ["-c:a", "pcm_s24le", "-ar", "48000", "-ac", "2"],
    "webm": ["-c:a", "libopus", "-b:a", "96k"],
    "aac": ["-c:a", "aac", "-b:a", "128k", "-f", "adts"],
}


def post(url: str, path: Path, response_format: str) -> str:
    form = (
        f'--limit\r\nContent-Disposition: form-data; name="response_format"\r\n\r\n{response_format}\r\n'
        '--limit\r\nContent-Disposition: form-data; name="timestamp_granularities[]"\r\n\r\nword\r\n'
        if response_format == "verbose_json"
        else f'--limit\r\nContent-Disposition: form-data; name="response_format"\r\n\r\n{response_format}\r\n'
    )
    form += f'--limit\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n\r\n'
    request = urllib.request.Request(
        f"{url}/v1/audio/transcriptions",
        form.encode() + path.read_bytes() + b"\r\n--limit--\r\n",
        {"Content-Type": "multipart/form-data; boundary=limit", **KEY},
    )
    with urllib.request.urlopen(request, timeout=300) as answer:
        return answer.read().decode()


def transcript(answer: str, response_format: str) -> str:
    if response_format == "json":
        return json.loads(answer)["text"]
    if response_format == "verbose_json":
        verbose = json.loads(answer)
        # What the words say is what the text says.
        assert " ".join(word["word"] for word in verbose["words"]) == verbose["text"], verbose
        return verbose["text"]
    lines = answer.strip().splitlines()
    cues = [line for line in lines if line and "-->" not in line and not line.isdigit() and line != "WEBVTT"]
    return " ".join(cues)


def main() -> None:
    url, speech, text = sys.argv[1:]
    wrong = []
    right = 0
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        for suffix, arguments in FORMATS.items():
            path = Path(directory) / f"speech.{suffix}"
            ffmpeg = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", speech]
            subprocess.run([*ffmpeg, *arguments, str(path)], check=True)
            for response_format in ("json", "text", "srt", "vtt", "verbose_json"):
                answer = transcript(post(url, path, response_format), response_format)
                right += answer == text
                if answer != text:
                    wrong.append(f"{suffix} as {response_format}: {answer!r}")
    print(f"{right} right", *wrong, sep="\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
