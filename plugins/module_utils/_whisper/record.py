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
from typing import Any, Mapping, Sequence
from urllib.parse import urlsplit

RECORD = "/var/lib/whisper/proof.json"
METRICS = "/var/lib/whisper/metrics/whisper_proof.prom"
_LARGEST_RECORD = 1024 * 1024
_LONGEST_TEXT = 2000
_MOST_MISSING = 20
_LARGEST_NUMBER = 1e15
_PORTS = range(1, 65536)

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
    """``server``: container, url, gpu. ``result``: that of `Prover.prove`, or what little a failure left."""
    gpu, found = server.get("gpu") or None, result.get("expected_similarity")
    right = (found is None or (_is_number(found) and found >= similarity)) and not result.get("wrapped")
    transcribed = result.get("text") is not None and right
    cause = result.get("cause")
    return _coerced(
        {
            **result,
            "container": server.get("container"),
            "port": server["port"] if _is_entry(server) else _port_of(server.get("url")),
            "gpu": gpu,
            "success": bool(transcribed and (gpu is None or result.get("gpu_used") is True)),
            "checked_at": now,
            "similarity": found,
            "code": cause.get("code") if isinstance(cause, dict) else None,
        }
    )


def _coerced(one: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of texts, numbers and truths, none of them large: a host may hand on anything, a file be edited."""
    missing = one.get("missing")
    return {
        "container": _text(one.get("container")) or "",
        "port": one["port"],
        "gpu": _text(one.get("gpu")),
        "success": one.get("success") is True,
        "gpu_used": _truth(one.get("gpu_used")),
        "checked_at": _number(one.get("checked_at")),
        "similarity": _number(one.get("similarity")),
        "wrapped": _truth(one.get("wrapped")),
        "real_time_factor": _number(one.get("real_time_factor")),
        "missing": [_text(kind) for kind in missing[:_MOST_MISSING]] if isinstance(missing, list) else [],
        "code": _text(one.get("code")),
        "error": _text(one.get("error")),
    }


def _port_of(url: Any) -> int | None:
    try:
        return urlsplit(str(url or "")).port
    except ValueError:
        return None


def _number(value: Any) -> Any:
    """A finite one that JSON's readers and Prometheus take."""
    return value if _is_number(value) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST_NUMBER


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value[:_LONGEST_TEXT] if isinstance(value, str) else None


def merged(kept: Any, new: Sequence[dict[str, Any]], ports: Sequence[int] | None) -> list[dict[str, Any]]:
    """The new entries, and earlier ones of other servers that the plan (``ports``) still has."""
    earlier = kept.get("servers") if isinstance(kept, dict) else None
    taken = {one["port"] for one in new}
    old = [
        _coerced(one)
        for one in (earlier if isinstance(earlier, list) else [])
        if _is_entry(one) and one["port"] not in taken and (ports is None or one["port"] in ports)
    ]
    return sorted([*old, *new], key=lambda one: int(one.get("port") or 0))


def _is_entry(one: Any) -> bool:
    """Of a file that may have been edited."""
    return isinstance(one, dict) and isinstance(one.get("port"), int) and one["port"] in _PORTS


def metrics(entries: Sequence[dict[str, Any]]) -> str:
    """Prometheus text."""
    lines = []
    for name, meaning in _GAUGES:
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
        for one in entries:
            value = _value(name, one)
            if value is not None:
                labels = f'server="{_label(one.get("container") or "")}",gpu="{_label(one.get("gpu") or "")}"'
                lines.append(f"{name}{{{labels}}} {value:.10g}")
    return "\n".join(lines) + "\n"


def keep(new: Sequence[dict[str, Any]], ports: Sequence[int] | None, record: str, metrics_path: str) -> None:
    entries = merged(_read(record), new, ports)
    _replace(record, json.dumps({"servers": entries}, indent=2, sort_keys=True) + "\n")
    _replace(metrics_path, metrics(entries))


def proven(path: str) -> set[int]:
    """The ports of the servers whose last proof succeeded."""
    return {one["port"] for one in merged(_read(path), [], None) if one["success"]}


def _value(name: str, one: dict[str, Any]) -> float | None:
    key = {"timestamp_seconds": "checked_at"}.get(name[len("whisper_proof_") :], name[len("whisper_proof_") :])
    value = one.get(key)
    return float(value) if isinstance(value, bool) or (value is not None and _is_number(value)) else None


def _label(text: str) -> str:
    return str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _read(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            return json.loads(file.read(_LARGEST_RECORD))
    except (OSError, ValueError, RecursionError):
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
