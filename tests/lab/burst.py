"""Sends many uploads at once, runs a command in the middle of it, and prints what came back as JSON.

    burst.py --url URL --key KEY --audio FILE --count 200 --clients 200 --at 60 -- docker kill HOST

Each upload goes out once, under a file name of its own, so that a server's log shows whether it came there twice.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import http.client
import json
import math
import ssl
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

BOUNDARY = "----whisperops-burst"
ANSWERED = 200


def body(name: str, audio: bytes) -> bytes:
    disposition = f'Content-Disposition: form-data; name="file"; filename="{name}"'
    head = f"--{BOUNDARY}\r\n{disposition}\r\nContent-Type: audio/wav\r\n\r\n"
    return head.encode() + audio + f"\r\n--{BOUNDARY}--\r\n".encode()


def upload(settings: argparse.Namespace, name: str, audio: bytes) -> dict[str, object]:
    url = urllib.parse.urlsplit(settings.url)
    started = time.monotonic()
    result: dict[str, object] = {"name": name}
    try:
        if url.scheme == "https":
            # The lab's certificate is one that the gateway made for itself.
            context = ssl._create_unverified_context()
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                url.netloc, timeout=settings.timeout, context=context
            )
        else:
            connection = http.client.HTTPConnection(url.netloc, timeout=settings.timeout)
        headers = {
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
            "Authorization": f"Bearer {settings.key}",
        }
        # All is sent before anything is read, as the simplest clients do.
        connection.request("POST", url.path, body(name, audio), headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        result["status"] = response.status
        if response.status == ANSWERED:
            result["text"] = answer["text"].strip()
        else:
            result["code"] = answer["error"]["code"]
            result["retry_after"] = response.getheader("Retry-After")
        connection.close()
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        result["lost"] = repr(error)
    result["seconds"] = time.monotonic() - started
    return result


def percentile(values: list[float], share: float) -> float | None:
    """The nearest rank: the smallest value that this share of all does not exceed."""
    if not values:
        return None
    return round(sorted(values)[max(0, math.ceil(share * len(values)) - 1)], 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--audio", required=True, type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--timeout", type=float, default=600)
    parser.add_argument("--prefix", default="burst")
    parser.add_argument("--at", type=int, default=0, help="run the command when so many answers have come")
    parser.add_argument("command", nargs="*")
    settings = parser.parse_args()

    audio = settings.audio.read_bytes()
    results: list[dict[str, object]] = []
    lock = threading.Lock()
    reached = threading.Event()

    def one(number: int) -> None:
        result = upload(settings, f"{settings.prefix}-{number:04}.wav", audio)
        with lock:
            results.append(result)
            if sum(r.get("status") == ANSWERED for r in results) >= settings.at:
                reached.set()

    def interfere() -> None:
        reached.wait()
        subprocess.run(settings.command, check=True, stdout=subprocess.DEVNULL)

    started = time.monotonic()
    interference = threading.Thread(target=interfere)
    if settings.command:
        interference.start()
    with concurrent.futures.ThreadPoolExecutor(settings.clients) as pool:
        list(pool.map(one, range(settings.count)))
    seconds = time.monotonic() - started
    reached.set()
    if settings.command:
        interference.join()

    waits = [float(str(r["seconds"])) for r in results if r.get("status") == ANSWERED]
    print(
        json.dumps(
            {
                "sent": settings.count,
                "answered": len(waits),
                "refused": dict(collections.Counter(f"{r['status']} {r['code']}" for r in results if "code" in r)),
                "lost": [r["lost"] for r in results if "lost" in r],
                "texts": sorted({str(r["text"]) for r in results if "text" in r}),
                "retry_after": sorted({str(r["retry_after"]) for r in results if r.get("retry_after")}),
                "seconds": round(seconds, 2),
                "p50": percentile(waits, 0.5),
                "p95": percentile(waits, 0.95),
                "answered_names": sorted(str(r["name"]) for r in results if r.get("status") == ANSWERED),
            }
        )
    )


if __name__ == "__main__":
    main()
