# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof without Ansible: what the timer runs on the host. Private to this collection."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any, Callable, Mapping, NamedTuple, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.container import SERVER_LABEL, connect
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import activation, record
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.endpoints import EndpointsError, read
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.proof import proof_of
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.server_process import Request
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.servers import servers


def main(arguments: Sequence[str] | None = None, prove: Callable[[Request], dict[str, Any]] | None = None) -> int:
    """0 if each server transcribes, on its GPU where it has one; 1 if one does not; 2 if no servers are known."""
    parser = argparse.ArgumentParser(
        description="Prove that this host's whisper.cpp servers use what they were planned for."
    )
    parser.add_argument(
        "settings",
        help="JSON file: audio, expected_text, language, similarity, timeout_seconds, docker_host, endpoints, record,"
        " metrics",
    )
    with open(parser.parse_args(arguments).settings, encoding="utf-8") as file:
        settings = json.load(file)
    try:
        found = prove_servers(settings, prove)
    except EndpointsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    entries = [one.entry for one in found]
    for one in entries:
        sys.stdout.write(f"{_sentence(one)}\n")
    return 0 if all(one["success"] for one in entries) else 1


class Proof(NamedTuple):
    # With its `url`, None where no container runs on the port.
    server: dict[str, Any]
    # What `Prover.prove` found.
    result: dict[str, Any]
    # As it was recorded.
    entry: dict[str, Any]


def prove_servers(settings: Mapping[str, Any], prove: Callable[[Request], dict[str, Any]] | None = None) -> list[Proof]:
    """Prove the servers of the host and record what was found. Raises EndpointsError where none are known.

    One that is unloaded is left alone if its last proof succeeded.
    """
    endpoints = read(settings["endpoints"])
    try:
        found = servers(endpoints, connect(settings["docker_host"]).labelled(SERVER_LABEL))
    except InspectionError as error:
        sys.stderr.write(f"{error.problem}\n")
        found = servers(endpoints, [])
    proofs = []
    proven = record.proven(settings["record"])
    for server in found:
        if server["port"] in proven and activation.unloaded(server["port"]):
            continue
        result = proof_of(server, settings, prove)
        proofs.append(Proof(server, result, record.entry(server, result, settings["similarity"], int(time.time()))))
    record.keep([one.entry for one in proofs], [one["port"] for one in found], settings["record"], settings["metrics"])
    return proofs


def _sentence(one: dict[str, Any]) -> str:
    where = f"port {one['port']}, " + (f"GPU {one['gpu']}" if one["gpu"] else "CPU")
    if one["success"]:
        return f"{where}: proven, real-time factor {one['real_time_factor']}"
    missing = f", missing: {', '.join(one['missing'])}" if one["missing"] else ""
    wrong = "the answer is broken into lines" if one["wrapped"] else f"similarity {one['similarity']}"
    why = one["error"] or one["code"] or wrong
    return f"{where}: NOT PROVEN: {why}{missing}"


if __name__ == "__main__":
    raise SystemExit(main())
