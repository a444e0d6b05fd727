# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers the agent checks of HAProxy: may the server on a port get requests, by what its last proof said?

systemd listens and hands over the socket. A check sends a server's port as one line; the answer is a share of the
server's weight. 0 % takes it out of the choice and lets its running request end, and unlike HAProxy's words `drain` and
`ready` it leaves alone what a person has set by hand.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import selectors
import socket
import sys
import time
from typing import Any, Callable, Mapping, NamedTuple

SERVE, DRAIN = "up 100%", "up 0%"
# The first socket that systemd passes on (sd_listen_fds(3)).
FIRST_PASSED_SOCKET = 3
LONGEST_LINE = 64
PORTS = range(1, 65536)
# A check takes some milliseconds, so whoever stays longer is none.
MOST_CONNECTIONS = 512
# Files that stay free for the record, the listening socket and what Python has open.
FILES_KEPT_FREE = 16
SECONDS_FOR_A_CHECK = 2.0
LARGEST_RECORD = 1024 * 1024
# Clocks are set back now and then.
MOST_SECONDS_AHEAD = 300
MOST_PORTS_TOLD = 256

Proofs = Mapping[int, Mapping[str, Any]]


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Record:
    """The record of the last proofs. One that cannot be used for the moment leaves what was read before."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._proofs: Proofs | None = None
        self._trouble: str | None = None

    def proofs(self) -> Proofs | None:
        """By port. Empty without a record; None where there is one and none was ever readable: nothing can be said."""
        try:
            with open(self._path, encoding="utf-8") as file:
                text = file.read(LARGEST_RECORD + 1)
            if len(text) > LARGEST_RECORD:
                raise ValueError(f"more than {LARGEST_RECORD} characters")
            servers = list(json.loads(text)["servers"])
        except FileNotFoundError:
            self._proofs, self._trouble = {}, None
            return self._proofs
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            self._tell(f"{self._path} cannot be used: {error!r:.300}")
            return self._proofs
        # What is no entry of a server says nothing of the others.
        self._proofs = {server["port"]: server for server in servers if is_entry(server)}
        odd = len(servers) - len(self._proofs)
        self._tell(f"{self._path}: {odd} entries have no port of their own and are passed over" if odd else None)
        return self._proofs

    def _tell(self, trouble: str | None) -> None:
        if trouble is not None and trouble != self._trouble:
            log(trouble)
        self._trouble = trouble


def is_entry(server: Any) -> bool:
    return isinstance(server, dict) and isinstance(server.get("port"), int) and server["port"] in PORTS


def judge(
    proof: Mapping[str, Any] | None, now: float, unproven: str, max_age: float, unloaded: bool = False
) -> tuple[str, str]:
    """The answer, and why. A server that is unloaded is proven when it is loaded: its last proof may be old."""
    without = DRAIN if unproven == "drain" else SERVE
    if proof is None:
        return without, "no proof is known"
    if proof.get("success") is not True:
        return DRAIN, "its last proof failed"
    if proof.get("gpu") and proof.get("gpu_used") is False:
        return DRAIN, "its last proof found the GPU unused"
    if max_age and not unloaded:
        checked_at = proof.get("checked_at")
        age = now - checked_at if isinstance(checked_at, (int, float)) else None
        if age is None or not age <= max_age:
            return without, f"its last proof is older than {max_age:.0f} s"
        if age < -MOST_SECONDS_AHEAD:
            return without, f"its last proof is dated {-age:.0f} s ahead"
    return SERVE, "its last proof succeeded"


class Connection(NamedTuple):
    deadline: float
    received: bytearray


class Agent:
    """One thread, for a bounded number of connections of which each has one deadline.

    Where there is room for no more, the oldest gives way: a check sends its line at once, so it is done before its turn
    comes.
    """

    def __init__(
        self, listening: socket.socket, settings: argparse.Namespace, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._listening = listening
        self._listening.setblocking(False)
        self._settings = settings
        self._clock = clock
        self._record = Record(settings.proof)
        self._told: dict[int, str] = {}
        files, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._room = max(1, min(MOST_CONNECTIONS, files - FILES_KEPT_FREE))
        # The oldest first.
        self._open: dict[socket.socket, Connection] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(listening, selectors.EVENT_READ)

    def answer(self, port: int) -> str | None:
        proofs = self._record.proofs()
        if proofs is None:
            return None
        unloaded = os.path.exists(os.path.join(self._settings.unloaded, str(port)))
        answer, reason = judge(proofs.get(port), time.time(), self._settings.unproven, self._settings.max_age, unloaded)
        if self._told.get(port) != answer and (port in self._told or len(self._told) < MOST_PORTS_TOLD):
            self._told[port] = answer
            log(f"port {port}: {answer}, because {reason}")
        return answer

    def serve(self, running: Callable[[], bool] = lambda: True, poll_seconds: float | None = None) -> None:
        while running():
            for key, _events in self._selector.select(self._wait(poll_seconds)):
                if key.fileobj is self._listening:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._open:
                    self._read(key.fileobj)
            self._end_late_ones()

    def close(self) -> None:
        for connection in list(self._open):
            self._end(connection)
        self._selector.close()

    def _wait(self, poll_seconds: float | None) -> float | None:
        oldest = next(iter(self._open.values()), None)
        left = None if oldest is None else max(0.0, oldest.deadline - self._clock())
        return min((seconds for seconds in (left, poll_seconds) if seconds is not None), default=None)

    def _accept(self) -> None:
        if len(self._open) >= self._room:
            self._end(next(iter(self._open)))
        try:
            connection, _address = self._listening.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError as error:
            # The machine is out of files or memory: make room, or leave it a moment.
            if self._open:
                self._end(next(iter(self._open)))
            else:
                log(f"a connection cannot be taken: {error!r}")
                time.sleep(1)
            return
        connection.setblocking(False)
        self._open[connection] = Connection(self._clock() + SECONDS_FOR_A_CHECK, bytearray())
        self._selector.register(connection, selectors.EVENT_READ)
        self._read(connection)

    def _read(self, connection: socket.socket) -> None:
        received = self._open[connection].received
        try:
            piece = connection.recv(LONGEST_LINE)
        except BlockingIOError:
            return
        except OSError:
            self._end(connection)
            return
        received += piece
        line, end, _rest = bytes(received).partition(b"\n")
        if piece and not end and len(received) < LONGEST_LINE:
            return
        # Not a check, or one that went away: no answer changes nothing for HAProxy.
        with contextlib.suppress(ValueError, OSError):
            port = int(line)
            answer = self.answer(port) if port in PORTS else None
            if answer is not None:
                connection.send(f"{answer}\n".encode())
        self._end(connection)

    def _end_late_ones(self) -> None:
        now = self._clock()
        for connection, state in list(self._open.items()):
            if state.deadline > now:
                break
            self._end(connection)

    def _end(self, connection: socket.socket) -> None:
        del self._open[connection]
        self._selector.unregister(connection)
        connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proof", default="/var/lib/whisper/proof.json")
    parser.add_argument("--unloaded", default="/run/whisper-activator", help="directory: a file a port")
    parser.add_argument("--unproven", choices=["serve", "drain"], default="serve")
    parser.add_argument("--max-age", type=float, default=0, help="seconds; 0: none is too old")
    settings = parser.parse_args()
    with socket.socket(fileno=FIRST_PASSED_SOCKET) as listening:
        Agent(listening, settings).serve()


if __name__ == "__main__":
    main()
