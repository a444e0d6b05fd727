"""What the API costs next to the server alone, and whether ten thousand uploads leave anything behind.

    python tests/bench/api.py [--server http://127.0.0.1:8080/v1/audio/transcriptions] [--rounds 20] [--uploads 10000]
    python tests/bench/api.py --server URL --gateway URL [--key KEY] [--rounds 20]

--server is a whisper-server that nobody else uses; without it the stub of the unit tests answers at once. Service and
decoder run here, as in the unit tests. Requests to the server and to the API alternate. The server alone gets WAV of
16 kHz, for it reads no M4A. The uploads go to a service of their own, with the stub behind it. --gateway is one that
has this server alone behind it, and is measured in place of the API: requests to both alternate, with the same WAV.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import http.client
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Iterator

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "unit" / "roles" / "whisper_api"))
from api_host import CLIP, FFMPEG, StubServer, form, running_service, wait_for  # noqa: E402 - its directory is named above

PATH = "/v1/audio/transcriptions"
CLIENTS = (1, 8)
# Until what a process allocates once is there.
FIRST_UPLOADS = 500


def made(directory: Path, name: str, *arguments: str) -> bytes:
    command = [FFMPEG, "-nostdin", "-loglevel", "error", "-y", "-stream_loop", "-1", "-i", str(CLIP), *arguments]
    subprocess.run([*command, str(directory / name)], check=True)
    return (directory / name).read_bytes()


def post(url: str, audio: bytes, *fields: tuple[str, str], key: str = "") -> None:
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=600)
    authorization = {"Authorization": f"Bearer {key}"} if key else {}
    headers = {"Content-Type": "multipart/form-data; boundary=limit", **authorization}
    with contextlib.closing(connection):
        connection.request("POST", address.path, form(("file", "speech", audio), *fields), headers)
        answer = connection.getresponse()
        body = answer.read()
    if answer.status != http.client.OK:
        raise SystemExit(f"{url} answered {answer.status}: {body[:200]!r}")


def seconds(call: Any) -> float:
    started = time.monotonic()
    call()
    return time.monotonic() - started


# What the API asks of a server.
OF_THE_API = [("response_format", "verbose_json"), ("no_language_probabilities", "true"), ("token_timestamps", "false")]


def overhead(name: str, alone: Any, through: Any, rounds: int) -> dict[str, float]:
    """Of two calls that alternate."""
    pairs = [(seconds(alone), seconds(through)) for _round in range(rounds)]
    return {
        "server_ms": round(1000 * statistics.median(pair[0] for pair in pairs), 1),
        f"{name}_ms": round(1000 * statistics.median(pair[1] for pair in pairs), 1),
        "ratio": round(statistics.median(pair[1] / pair[0] for pair in pairs), 3),
    }


def rate(call: Any, clients: int, requests: int) -> float:
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        took = seconds(lambda: list(pool.map(lambda _number: call(), range(requests))))
    return round(requests / took, 2)


def rates(calls: dict[str, Any], rounds: int) -> dict[int, dict[str, float]]:
    """Requests a second by the number of clients."""
    return {
        clients: {name: rate(call, clients, rounds * clients) for name, call in calls.items()} for clients in CLIENTS
    }


# Good and bad uploads.


def aborted(service: Any, audio: bytes) -> None:
    """Half of it, and away."""
    body = form(("file", "speech.wav", audio))
    half = body[: len(body) // 2]
    with socket.create_connection(("127.0.0.1", service.port)) as client:
        client.sendall(
            b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
            b"Content-Type: multipart/form-data; boundary=limit\r\n\r\n%s" % (PATH.encode(), len(body), half)
        )


def uploads(service: Any, wav: bytes, m4a: bytes) -> Iterator[tuple[str, int | None]]:
    """Kind and status of each, when it was sent; None for one that gets no answer. Two of ten need a decoder."""
    bad = {"unsupported": b"no audio " * 20_000, "empty": b""}
    decoded = {"undecodable": b"fLaC" + bytes(200_000), "cut": m4a[: len(m4a) // 2]}
    order = "good empty aborted unsupported undecodable good empty aborted unsupported cut"
    for kind in itertools.cycle(order.split()):
        if kind == "aborted":
            aborted(service, wav)
            yield kind, None
        else:
            yield kind, service.post(("file", "speech", {**bad, **decoded, "good": wav}[kind]))[0]


def state(service: Any) -> dict[str, int]:
    wait_for(lambda: not list(service.spool.iterdir()))
    time.sleep(3)
    return {
        "memory_kib": service.memory_kib(),
        "open_files": service.open_files(),
        "files": len(list(service.spool.iterdir())),
    }


def left_behind(directory: Path, wav: bytes, m4a: bytes, number: int) -> dict[str, Any]:
    server = StubServer()
    with running_service(directory, [server], queue_length=20) as service:
        statuses: dict[str, int] = {}
        sent = uploads(service, wav, m4a)
        for _upload in range(FIRST_UPLOADS):
            next(sent)
        states = [state(service)]
        for count in range(1, number + 1):
            kind, status = next(sent)
            statuses[f"{kind} {status}"] = statuses.get(f"{kind} {status}", 0) + 1
            server.requests.clear()
            if count in (number // 2, number):
                states.append(state(service))
    server.close()
    return {"statuses": statuses, "before_half_after": states}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="")
    parser.add_argument("--gateway", default="")
    parser.add_argument("--key", default="")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--uploads", type=int, default=10_000)
    options = parser.parse_args()
    with contextlib.ExitStack() as opened:
        directory = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        short = CLIP.read_bytes()
        wav = made(directory, "speech.wav", "-t", "60", "-c:a", "pcm_s16le")
        m4a = made(directory, "speech.m4a", "-t", "60", "-c:a", "aac", "-ar", "44100")
        found: dict[str, Any] = {"load": os.getloadavg()[0]}
        url = options.server
        if not url:
            stub = StubServer()
            opened.callback(stub.close)
            url = f"http://127.0.0.1:{stub.port}{PATH}"
        if options.gateway:
            for name, audio in (("wav_3_s", short), ("wav_60_s", wav)):
                found[name] = overhead(
                    "gateway",
                    lambda audio=audio: post(url, audio),
                    lambda audio=audio: post(options.gateway, audio, key=options.key),
                    options.rounds,
                )
            calls = {
                "server": lambda: post(url, short),
                "gateway": lambda: post(options.gateway, short, key=options.key),
            }
            found["requests_a_second"] = rates(calls, options.rounds)
        elif options.rounds:
            service = opened.enter_context(
                running_service(
                    directory / "service", [SimpleNamespace(port=urllib.parse.urlsplit(url).port)], queue_length=20
                )
            )
            api = f"{service.url}/audio/transcriptions"
            post(url, short)
            post(api, short)
            for name, known, sent in (("wav_3_s", short, short), ("m4a_60_s", wav, m4a)):
                found[name] = overhead(
                    "api",
                    lambda audio=known: post(url, audio, *OF_THE_API),
                    lambda audio=sent: post(api, audio),
                    options.rounds,
                )
            calls = {"server": lambda: post(url, short), "api": lambda: post(api, short)}
            found["requests_a_second"] = rates(calls, options.rounds)
        if options.uploads and not options.gateway:
            found["uploads"] = left_behind(directory / "uploads", short, m4a, options.uploads)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
