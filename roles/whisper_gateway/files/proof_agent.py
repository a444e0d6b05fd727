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
import json
import socket
import socketserver
import sys
import time
from typing import Any, Mapping

SERVE, DRAIN = "up 100%", "up 0%"
# The first socket that systemd passes on (sd_listen_fds(3)).
FIRST_PASSED_SOCKET = 3
LONGEST_LINE = 64
PORTS = range(1, 65536)


def read_proofs(path: str) -> Mapping[int, Mapping[str, Any]]:
    """The last proof of each server by its port. None at all where the file is missing or not what it should be."""
    try:
        with open(path, encoding="utf-8") as file:
            return {int(server["port"]): server for server in json.load(file)["servers"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        if not isinstance(error, FileNotFoundError):
            print(f"{path} cannot be used: {error!r}", file=sys.stderr, flush=True)
        return {}


def judge(proof: Mapping[str, Any] | None, now: float, unproven: str, max_age: float) -> tuple[str, str]:
    """The answer, and why."""
    without = DRAIN if unproven == "drain" else SERVE
    if proof is None:
        return without, "no proof is known"
    if proof.get("success") is not True:
        return DRAIN, "its last proof failed"
    if proof.get("gpu") and proof.get("gpu_used") is False:
        return DRAIN, "its last proof found the GPU unused"
    checked_at = proof.get("checked_at")
    if max_age and not (isinstance(checked_at, (int, float)) and now - checked_at <= max_age):
        return without, f"its last proof is older than {max_age:.0f} s"
    return SERVE, "its last proof succeeded"


class Agent(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, listening: socket.socket, settings: argparse.Namespace) -> None:
        super().__init__(listening.getsockname(), Check, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.settings = settings
        self.told: dict[int, str] = {}

    def answer(self, port: int) -> str:
        proof = read_proofs(self.settings.proof).get(port)
        answer, reason = judge(proof, time.time(), self.settings.unproven, self.settings.max_age)
        if self.told.get(port) != answer:
            self.told[port] = answer
            print(f"port {port}: {answer}, because {reason}", file=sys.stderr, flush=True)
        return answer


class Check(socketserver.StreamRequestHandler):
    timeout = 2
    server: Agent

    def handle(self) -> None:
        try:
            port = int(self.rfile.readline(LONGEST_LINE))
            if port in PORTS:
                self.wfile.write(f"{self.server.answer(port)}\n".encode())
        except (ValueError, OSError):
            # Not a check, or one that went away: no answer changes nothing for HAProxy.
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proof", default="/var/lib/whisper/proof.json")
    parser.add_argument("--unproven", choices=["serve", "drain"], default="serve")
    parser.add_argument("--max-age", type=float, default=0, help="seconds; 0: none is too old")
    settings = parser.parse_args()
    with socket.socket(fileno=FIRST_PASSED_SOCKET) as listening, Agent(listening, settings) as agent:
        agent.serve_forever()


if __name__ == "__main__":
    main()
