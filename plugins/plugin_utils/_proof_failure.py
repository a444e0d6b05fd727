# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proofs of servers, judged on the control node. Private to this collection.

A host may answer with anything: only what has the right form counts, and every text of it is made fit to be shown.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Sequence

from ._sanitize import LONGEST_TEXT, sanitize_line


class Judged(NamedTuple):
    # What the host answered of each server, with the server as `item`.
    proofs: list[dict[str, Any]]
    # One for each server that is not proven.
    failures: list[str]
    # One for each that is.
    lines: list[str]


def judged(
    servers: Sequence[Mapping[str, Any]], answer: Mapping[str, Any], expected_text: str, similarity: float
) -> Judged:
    """The answer of module server_proof. Which servers were asked is known here; a host does not choose."""
    found = answer.get("servers")
    if (
        not isinstance(found, list)
        or len(found) != len(servers)
        or not all(isinstance(proof, Mapping) for proof in found)
    ):
        odd = (
            "transcript_missing: the host's answer is not one of server_proof. Look at the host: its Python or its"
            " files may have been changed."
        )
        return Judged([], [odd], [])
    proofs = [{**proof, "item": dict(server)} for server, proof in zip(servers, found)]
    failures = [failure(proof, expected_text, similarity) for proof in proofs]
    lines = [line(proof) for proof, failed in zip(proofs, failures) if not failed]
    whole = _shown(str(answer.get("msg"))) if answer.get("failed") else None
    return Judged(proofs, [failed for failed in [*failures, whole] if failed], lines)


def failure(proof: Mapping[str, Any], expected_text: str, similarity: float) -> str | None:
    """Why the proof of ``proof["item"]`` is none: code, what was seen, what to do. None for a good one."""
    server, cause = proof["item"], proof.get("cause")
    known = cause if isinstance(cause, Mapping) and cause.get("code") else None
    advice = f"{known.get('message')} {known.get('remedy')}" if known else None
    url, found = server.get("url"), proof.get("expected_similarity")
    if not isinstance(proof.get("text"), str):
        code = known["code"] if known else "transcript_missing"
        return _shown(
            f"{code}: {url} gave no transcript: {proof.get('error') or 'it did not say why'}."
            f" {advice or 'Read `docker logs` of its container.'}"
        )
    if server.get("gpu") and proof.get("gpu_used") is not True:
        code = known["code"] if known else "gpu_proof_missing"
        finding = "nothing shows whether it uses" if proof.get("gpu_used") is None else "does not use"
        return _shown(
            f"{code}: {url} transcribes, but {finding} {server['gpu']} (missing: {_words(proof.get('missing'))})."
            f" {advice or 'Read `docker logs` of its container.'}"
        )
    if proof.get("wrapped") is True:
        return _shown(
            f"transcript_broken: {url} breaks its answers into lines of 60 characters, also in the middle of words, as"
            " the server of whisper.cpp 1.8.4 to 1.9.3 does. Deploy 1.9.4 or newer: whisper_image_version for a locally"
            " built image, upgrade.yml for an official one."
        )
    if not isinstance(found, (int, float)) or not found >= similarity:
        return _shown(
            f'transcript_wrong: {url} transcribed "{proof["text"]}", but "{expected_text}" was said (similarity'
            f" {found}, at least {similarity} expected). See that the model speaks the language of the audio"
            " (whisper_proof_language, whisper_server_language) and is not one for tests."
        )
    return None


def line(proof: Mapping[str, Any]) -> str:
    """What a good proof saw, for a terminal."""
    server, evidence = proof["item"], proof.get("evidence")
    seen = f'{server.get("url")}: "{proof.get("text")}" (similarity {proof.get("expected_similarity")})'
    took = f"{proof.get('seconds')} s for {proof.get('audio_seconds')} s of speech"
    if not server.get("gpu"):
        return _shown(f"CPU ONLY, {seen}, {took}")
    evidence = evidence if isinstance(evidence, Mapping) else {}
    kinds = evidence.get("kinds")
    found = [kind for kind, was_seen in kinds.items() if was_seen] if isinstance(kinds, Mapping) else []
    used = (
        f"{_words(found) or 'no evidence'},"
        f" {evidence.get('process_memory_mib')} MiB of the process, utilization"
        f" {evidence.get('utilization_baseline_percent')} % before and {evidence.get('utilization_max_percent')} % at"
        " work"
    )
    return _shown(f"GPU {server['gpu']}, {seen}, {took}; {used}")


def _shown(text: str) -> str:
    return sanitize_line(text, 2 * LONGEST_TEXT)


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
