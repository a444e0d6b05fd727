# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ansible_collections.whisperops.gpu.plugins.filter.server_rows import speed

NO_SERVER: Mapping[str, Any] = {"gpu": None, "port": None}
USED = {True: "yes", False: "no", None: "unknown"}


def proof_rows(
    servers: Sequence[Mapping[str, Any]] | None,
    proofs: Sequence[Mapping[str, Any]],
    host: str,
    failure: str | None = None,
) -> list[dict[str, Any]]:
    """One row for each server of the plan, with the proof of the same port, or one for a host without known servers."""
    code = (failure or "-").split(":")[0]
    by_port = {(proof.get("item") or {}).get("port"): proof for proof in reversed(proofs)}
    rows = []
    for server in servers or [NO_SERVER]:
        proof: Mapping[str, Any] = by_port.get(server.get("port")) or {}
        gpu = server.get("gpu")
        rows.append(
            {
                "host": host,
                "port": server.get("port") or "-",
                "planned for": gpu or ("CPU" if server.get("port") else "-"),
                "gpu used": USED[proof.get("gpu_used")] if gpu else "-",
                "seen": _kinds(proof) or "-",
                "similarity": proof.get("expected_similarity") or "-",
                "speed": speed(proof),
                "problem": _problem(proof, code),
            }
        )
    return rows


def _kinds(proof: Mapping[str, Any]) -> str:
    kinds = (proof.get("evidence") or {}).get("kinds") or {}
    return ", ".join(kind for kind, seen in kinds.items() if seen)


def _problem(proof: Mapping[str, Any], code: str) -> str:
    """What the proof found; where there is no transcript at all, what the run failed with."""
    return str((proof.get("cause") or {}).get("code") or ("-" if proof.get("text") else code))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"proof_rows": proof_rows}
