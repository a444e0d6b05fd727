"""Clients on a node of the lab: each asks one request after the other, on a connection of its own, until told to stop.

    load.py URL KEY AUDIO WORDS CLIENTS UNTIL

A connection that does not come about is tried again, as clients do: nothing was sent. Whatever was sent is sent once.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
from urllib.parse import urlsplit

CONNECT_SECONDS, TRIES = 3, 30
ANSWER_SECONDS = 120
BOUNDARY = "a-boundary-that-no-audio-has"


def main() -> None:
    url, key, audio, words, clients, until = sys.argv[1:]
    with open(audio, "rb") as file:
        body = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
            "Content-Type: audio/wav\r\n\r\n"
        ).encode()
        body += file.read() + f"\r\n--{BOUNDARY}--\r\n".encode()
    found: dict[str, object] = {"requests": 0, "connected_again": 0, "longest_seconds": 0.0, "lost": []}
    lock = threading.Lock()

    def client() -> None:
        while not os.path.exists(until):
            began = time.monotonic()
            tries, problem = ask(url, key, body, words)
            with lock:
                found["requests"] += 1
                found["connected_again"] += tries
                found["longest_seconds"] = max(found["longest_seconds"], round(time.monotonic() - began, 1))
                if problem:
                    found["lost"].append(problem)

    running = [threading.Thread(target=client) for _client in range(int(clients))]
    for one in running:
        one.start()
    for one in running:
        one.join()
    print(json.dumps(found))


def ask(url: str, key: str, body: bytes, words: str) -> tuple[int, str]:
    parts = urlsplit(url)
    for again in range(TRIES):
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=CONNECT_SECONDS)
        try:
            connection.connect()
        except OSError:
            time.sleep(0.2)
            continue
        try:
            connection.sock.settimeout(ANSWER_SECONDS)
            headers = {"Authorization": f"Bearer {key}", "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
            connection.request("POST", parts.path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            return again, f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        if answer.status != 200 or " ".join(json.loads(text)["text"].split()) != words:
            return again, f"{answer.status}: {' '.join(text.split())[:200]}"
        return again, ""
    return TRIES, "no connection"


if __name__ == "__main__":
    main()
