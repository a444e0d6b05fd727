# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last proof of each server, kept on the host: as JSON for the gateway's agent, as Prometheus text for alerts.

Written by the role and by the timer alike. Private to this collection.
"""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any, Sequence
from urllib.parse import urlsplit

RECORD = "/var/lib/whisper/proof.json"
METRICS = "/var/lib/whisper/metrics/whisper_proof.prom"

_GAUGES = (
    (
        "whisper_proof_success",
        "Whether the last proof succeeded: right transcript, and the GPU used where one was planned.",
    ),
    ("whisper_proof_gpu_used", "Whether the last proof's inference ran on the GPU. Absent where that is not known."),
    ("whisper_proof_timestamp_seconds", "When the last proof was made."),
    ("whisper_proof_real_time_factor", "Seconds per second of speech of the last proof."),
    ("whisper_proof_similarity", "Share of the known words in the last proof's transcript."),
)


def entry(server: dict[str, Any], result: dict[str, Any], similarity: float, now: int) -> dict[str, Any]:
    """``server``: container, url, gpu. ``result``: that of `whisper_inference_info`, or what little a failure left."""
    gpu, found = server.get("gpu") or None, result.get("expected_similarity")
    right = (found is None or found >= similarity) and not result.get("wrapped")
    transcribed = result.get("text") is not None and right
    cause = result.get("cause") or {}
    return {
        "container": server.get("container") or "",
        "port": server.get("port") or urlsplit(server.get("url") or "").port,
        "gpu": gpu,
        "success": bool(transcribed and (gpu is None or result.get("gpu_used") is True)),
        "gpu_used": result.get("gpu_used"),
        "checked_at": now,
        "similarity": found,
        "wrapped": result.get("wrapped"),
        "real_time_factor": result.get("real_time_factor"),
        "missing": list(result.get("missing") or []),
        "code": cause.get("code"),
        "error": result.get("error"),
    }


def merged(kept: Any, new: Sequence[dict[str, Any]], ports: Sequence[int] | None) -> list[dict[str, Any]]:
    """The new entries, and earlier ones of other servers that the plan (``ports``) still has."""
    earlier = kept.get("servers") if isinstance(kept, dict) else None
    taken = {one["port"] for one in new}
    old = [
        one
        for one in earlier or []
        if isinstance(one, dict) and one.get("port") not in taken and (ports is None or one.get("port") in ports)
    ]
    return sorted([*old, *new], key=lambda one: int(one.get("port") or 0))


def metrics(entries: Sequence[dict[str, Any]]) -> str:
    """Prometheus text."""
    lines = []
    for name, meaning in _GAUGES:
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
        for one in entries:
            value = _value(name, one)
            if value is not None:
                labels = f'server="{_label(one["container"])}",gpu="{_label(one["gpu"] or "")}"'
                lines.append(f"{name}{{{labels}}} {value:.10g}")
    return "\n".join(lines) + "\n"


def keep(new: Sequence[dict[str, Any]], ports: Sequence[int] | None, record: str, metrics_path: str) -> None:
    entries = merged(_read(record), new, ports)
    _replace(record, json.dumps({"servers": entries}, indent=2, sort_keys=True) + "\n")
    _replace(metrics_path, metrics(entries))


def _value(name: str, one: dict[str, Any]) -> float | None:
    key = {"timestamp_seconds": "checked_at"}.get(name[len("whisper_proof_") :], name[len("whisper_proof_") :])
    value = one.get(key)
    return None if value is None else float(value)


def _label(text: str) -> str:
    return str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _read(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def _replace(path: str, text: str) -> None:
    """Whoever reads it finds the old text or the new one, whole."""
    directory = os.path.dirname(path)
    os.makedirs(directory, mode=0o755, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", dir=directory)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        # Exporters and agents that read it are not root.
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
