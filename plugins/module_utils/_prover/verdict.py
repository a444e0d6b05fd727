# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the proof of a server says, as the condition of its pod. Private to this collection."""

from __future__ import annotations

import time
from typing import Any, Mapping, NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.names import GATE
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.record import entry

_LONGEST_MESSAGE = 1000


class Verdict(NamedTuple):
    proven: bool
    # A code of docs/troubleshooting.md, or `proven`.
    reason: str
    message: str
    # Whether a proven pod loses the gate at once: the contrary was seen, or nothing that can be proven is left.
    decisive: bool = True


def verdict(result: Mapping[str, Any], url: str, gpu: str | None, similarity: float) -> Verdict:
    """``result``: that of `Prover.prove`. The rule is that of hosts, `record.entry`."""
    judged = entry({"url": url, "gpu": gpu}, dict(result), similarity, 0)
    if judged["success"]:
        kinds = [kind for kind, seen in result["evidence"]["kinds"].items() if seen is True]
        where = f"on {gpu} (evidence: {', '.join(kinds)})" if gpu else "on the CPU, as planned"
        return Verdict(True, "proven", f"The reference audio was transcribed {where}.")
    cause: Mapping[str, Any] = result.get("cause") or {}
    said = str(cause.get("message") or "")
    if result.get("text") is None:
        why = f"The server gave no transcript: {result.get('error') or 'it did not say why'}. {said}"
        return _failed(_seen(cause.get("code") or "transcript_missing", why), decisive=result.get("ending") is not None)
    if gpu and result.get("gpu_used") is not True:
        why = f"{said} Missing for a proof on {gpu}: {', '.join(judged['missing'])}."
        return _failed(_seen(cause.get("code") or "gpu_proof_missing", why), decisive=result.get("gpu_used") is False)
    if result.get("wrapped"):
        return _failed(_seen("transcript_broken", "The server breaks its answers into lines in the middle of words."))
    text = result["text"]
    why = f'The server transcribed "{text}" (similarity {judged["similarity"]}, at least {similarity} expected).'
    return _failed(_seen("transcript_wrong", why))


def gpu_unknown() -> Verdict:
    why = "It cannot be known which GPU the pod has: the API does not say, and the prover does not see one by NVML."
    return _failed(_seen("gpu_proof_missing", why), decisive=False)


def unhealthy(devices: tuple[str, ...]) -> Verdict:
    return _failed(_seen("gpu_unhealthy", f"The kubelet says that {', '.join(devices)} is unhealthy."))


def restarted() -> Verdict:
    why = "The server has started again, and its proof was of an earlier start."
    return _failed(Problem.documented("proof_outdated", why, ""))


def _seen(code: str, message: str) -> Problem:
    """Without a remedy: those of the proof are for hosts, and the guide has that for pods."""
    return Problem.documented(code, message, "")


def _failed(problem: Problem, decisive: bool = True) -> Verdict:
    text = "".join(char for char in " ".join(problem.message.split()) if char.isprintable())[:_LONGEST_MESSAGE]
    return Verdict(False, problem.code, f"{text} {problem.remedy.strip()}", decisive)


def condition(found: Verdict, earlier: Mapping[str, Any], now: float) -> dict[str, str]:
    """As the API takes it. ``earlier``: the condition as it stands, whose time stays with its status."""
    status, moment = str(found.proven), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    changed = earlier.get("status") != status
    return {
        "type": GATE,
        "status": status,
        "reason": found.reason,
        "message": found.message,
        "lastProbeTime": moment,
        "lastTransitionTime": moment if changed else str(earlier.get("lastTransitionTime") or moment),
    }
