# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records: one JSON file for each host, in which every run replaces what it has learnt and leaves the rest."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any, Iterable, Mapping
from urllib.parse import quote

from .._sanitize import bounded
from .reading import mapping

PARTS = ("gpu_info", "plan", "image", "proof", "benchmark")
# What Ansible adds to a result, and the inference's own arguments: nobody looks for them in a report.
NOISE = frozenset(
    {"ansible_loop_var", "ansible_facts", "changed", "deprecations", "diff", "failed", "invocation", "warnings"}
)
LONGEST_FILE_NAME = 200
LARGEST_RECORD = 64 * 1024 * 1024


class ReportError(Exception):
    """The report cannot be written or read."""


def without_noise(part: Any) -> Any:
    if isinstance(part, list):
        return [without_noise(item) for item in part]
    if isinstance(part, Mapping):
        return {key: value for key, value in part.items() if key not in NOISE}
    return part


def merged(
    earlier: Mapping[str, Any], host: str, parts: Mapping[str, Any], error: str | None, now: str
) -> dict[str, Any]:
    """``recorded_at`` tells of each part when it was learnt: a benchmark outlives many runs of site.yml."""
    record: dict[str, Any] = {"host": host, "finished_at": now, "error": bounded(error)}
    recorded_at = {name: str(time) for name, time in mapping(earlier.get("recorded_at")).items() if name in PARTS}
    for name in PARTS:
        new = parts.get(name)
        learnt = bounded(new)
        record[name] = earlier.get(name) if new is None else learnt if name == "plan" else without_noise(learnt)
        if new is not None:
            recorded_at[name] = now
    if earlier.get("made_up"):
        record["made_up"] = True
    record["recorded_at"] = recorded_at
    return record


def file_of(directory: Path, host: str) -> Path:
    """A host may be named anything; its file stays inside the directory."""
    name = quote(host.encode("utf-8", "surrogatepass"), safe="")
    if len(name) > LONGEST_FILE_NAME:
        name = name[:LONGEST_FILE_NAME] + hashlib.sha256(host.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return directory / "hosts" / f"{name}.json"


def unreadable(host: str, why: object) -> dict[str, Any]:
    """In the place of a record that cannot be used: its host is in the report, and says so."""
    error = ReportError(
        f"report_record_unreadable: what is recorded of {host} cannot be used ({why}). Remove its file from the"
        " directory hosts beside the report, then run playbooks/verify.yml."
    )
    return {"host": host, "error": str(error)}


def read(path: Path) -> dict[str, Any]:
    """One record. A file that is none becomes a record that says so."""
    try:
        if path.stat().st_size > LARGEST_RECORD:
            return unreadable(path.stem, f"{path} is larger than {LARGEST_RECORD} bytes")
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        return unreadable(path.stem, f"{path}: {error}")
    record: dict[str, Any] = bounded(found) if isinstance(found, dict) else unreadable(path.stem, f"{path}: no object")
    return record


def read_all(directory: Path, hosts: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """The records of these hosts, or of all that have one."""
    if hosts is None:
        paths = sorted((directory / "hosts").glob("*.json"))
    else:
        paths = [file_of(directory, host) for host in hosts]
    return [record for record in (read(path) for path in paths) if record]


def write(path: Path, content: str) -> None:
    """Whole or not at all: somebody may be reading the page just now."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", errors="backslashreplace", dir=path.parent, prefix=".", delete=False
        ) as file:
            file.write(content)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(file.name, 0o666 & ~umask)
        os.replace(file.name, path)
    except OSError as error:
        raise ReportError(
            f"report_not_written: {path}: {error.strerror}. Set whisper_report_dir to a directory that can be written."
        ) from error


def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, default=str) + "\n"


def record_host(directory: Path, host: str, parts: Mapping[str, Any], error: str | None, now: str) -> dict[str, Any]:
    path = file_of(directory, host)
    record = merged(read(path), host, parts, error, now)
    write(path, as_json(record))
    return record
