"""Holds many connections open by uploads without a key, and prints what others get meanwhile, as JSON.

    slow_clients.py --host HOST --port PORT --path PATH --connections 1000 --seconds 30

Each sends the head of an upload and one byte of its body, and one more byte after half of the time.
"""

from __future__ import annotations

import argparse
import http.client
import json
import resource
import socket
import ssl
import time

CONTEXT = ssl._create_unverified_context()  # The lab's certificate is one that the gateway made for itself


def begin(settings: argparse.Namespace) -> ssl.SSLSocket | None:
    head = f"POST {settings.path} HTTP/1.1\r\nHost: {settings.host}\r\nContent-Length: 1000000\r\n\r\nx"
    try:
        connection = CONTEXT.wrap_socket(socket.create_connection((settings.host, settings.port), timeout=10))
        connection.sendall(head.encode())
    except OSError:
        return None
    return connection


def health(settings: argparse.Namespace) -> int | str:
    try:
        client = http.client.HTTPSConnection(settings.host, settings.port, timeout=5, context=CONTEXT)
        client.request("GET", "/health")
        return client.getresponse().status
    except OSError as error:
        return type(error).__name__


def is_open(connection: ssl.SSLSocket) -> bool:
    connection.setblocking(False)
    try:
        while connection.recv(4096):
            pass
    except ssl.SSLWantReadError:
        return True
    except OSError:
        return False
    return False


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    settings = parser.parse_args()
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held = [connection for _number in range(settings.connections) if (connection := begin(settings))]
    answers, dripped, began = [], False, time.monotonic()
    while (elapsed := time.monotonic() - began) < settings.seconds:
        answers.append(health(settings))
        if elapsed > settings.seconds / 2 and not dripped:
            dripped = True
            for connection in held:
                try:
                    connection.setblocking(True)
                    connection.sendall(b"x")
                except OSError:
                    continue
        time.sleep(2)
    print(json.dumps({"begun": len(held), "health": answers, "open": sum(map(is_open, held))}))


if __name__ == "__main__":
    main()
