"""Uploads that are no audio, on a host of the lab: api_refusals.py URL NUMBER. Nothing of them may be left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

KEY = {"Authorization": f"Bearer {os.environ['LAB_API_KEY']}"}
# Signature → what the service says of it; the first ones start a decoder.
UPLOADS = {
    b"\xff\xfb" + bytes(300_000): "audio_undecodable",
    b"\x1aE\xdf\xa3" + bytes(50_000): "audio_undecodable",
    b"\0\0\0\x20ftypisom" + bytes(50_000): "audio_undecodable",
    b"ID3\x04\0\0\0\0\0\0#EXTM3U\nfile:///etc/passwd\n": "audio_undecodable",
    b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n": "unsupported_format",
    b"": "audio_empty",
}

# Of a thousand uploads of 50 to 300 KB, what stayed would be a hundred times that.
MOST_KIB = 8_000


def post(url: str, data: bytes) -> tuple[int, str]:
    form = (
        b'--limit\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n'
        + data
        + b"\r\n--limit--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=limit", **KEY}
    request = urllib.request.Request(f"{url}/v1/audio/transcriptions", form, headers)
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["error"]["code"]


def command(*arguments: str) -> str:
    return subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def decoders() -> str:
    return command("systemctl", "list-units", "--all", "--plain", "--no-legend", "whisper-decode@*")


def open_files(pid: str) -> int:
    time.sleep(0.3)
    return len(os.listdir(f"/proc/{pid}/fd"))


def state() -> dict[str, object]:
    pid = command("systemctl", "show", "--property=MainPID", "--value", "whisper-api.service")
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    # Of the service, and of decoders whose directories would have stayed.
    files = [str(path) for top in ("/tmp", "/var/tmp") for path in Path(top).glob("systemd-private-*/**/*")]
    return {
        "pid": pid,
        "decoders": decoders(),
        "files": len([path for path in files if "whisper" in path and os.path.isfile(path)]),
        "directories": len([path for path in files if "whisper-decode" in path]),
        # A check of a server's health has one open now and then.
        "open": min(open_files(pid) for _sample in range(5)),
        "memory_kib": int(status.partition("VmRSS:")[2].split()[0]),
    }


def main() -> None:
    url, number = sys.argv[1], int(sys.argv[2])
    uploads = list(UPLOADS.items())

    def check(index: int) -> None:
        data, code = uploads[index % len(uploads)]
        said = post(url, data)
        assert said == (400, code), (data[:20], said)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(check, range(60)))
        settled()
        before = state()
        list(pool.map(check, range(number)))
    settled()
    after = state()
    print(json.dumps({"before": before, "after": after}))
    assert after["memory_kib"] - before["memory_kib"] < MOST_KIB  # type: ignore[operator]
    for name in ("pid", "decoders", "files", "directories", "open"):
        assert after[name] == before[name], name
    assert after["decoders"] == ""


def settled() -> None:
    """The last decoder takes a moment to be gone."""
    for _attempt in range(100):
        if not decoders():
            return
        time.sleep(0.1)


if __name__ == "__main__":
    main()
