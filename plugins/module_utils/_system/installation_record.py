# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of what each role installed on a host, so that its removal removes that and nothing else.

One JSON file: role by role, kind by kind, each entry in the order in which it was installed.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._system import file_lock, whole_file

ROLES = (
    "docker_engine",
    "nvidia_container_toolkit",
    "whisper_image",
    "whisper_server",
    "whisper_proof",
    "gpu_metrics",
    "whisper_gateway",
    "whisper_api",
)
# What a role may record, and what one entry of it is.
KINDS: Mapping[str, type] = {
    "packages": str,
    "rpms": str,
    "rpm_keys": str,
    "holds": str,
    "users": str,
    "images": str,
    "daemon_config": dict,
    "replaced_files": dict,
    "files": str,
    "trees": str,
    "directories": str,
}
# Of these, only what is not there yet is recorded: a path that is there and not in the record belongs to somebody else.
PATHS = ("files", "trees", "directories")
# The parts of the shortest path that may be removed with all that is below: not /etc, not /var.
_SHORTEST_TREE = 2

Record = Dict[str, Dict[str, List[Any]]]
Entries = Mapping[str, Sequence[Any]]


class InstallationRecordError(Exception):
    """The file is not one that this collection wrote."""


def parsed(text: str, path: str) -> Record:
    """Every role with every kind, empty where nothing is recorded. An empty text is an empty record."""
    try:
        kept = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, str(error)) from None
    fault = _fault(kept)
    if fault:
        raise _unreadable(path, fault)
    return {role: {kind: list(kept.get(role, {}).get(kind, [])) for kind in KINDS} for role in ROLES}


def written(record: Record) -> str:
    """Without what is empty; an empty text where nothing is recorded."""
    full = {role: {kind: one for kind, one in kinds.items() if one} for role, kinds in record.items()}
    kept = {role: kinds for role, kinds in full.items() if kinds}
    return json.dumps(kept, indent=2) + "\n" if kept else ""


def added(record: Record, role: str, entries: Entries) -> Record:
    """With the entries behind those that are recorded already."""
    return {**record, role: {kind: _with(have, entries.get(kind, [])) for kind, have in record[role].items()}}


def without_existing(entries: Entries, directory: str, exists: Callable[[str], bool] = os.path.lexists) -> Entries:
    """The entries as they are to be recorded before their files are made: each path that is not there yet.

    The missing directories above are recorded too, except ``directory``, which is that of the record itself.
    """
    new = {kind: [path for path in map(os.path.abspath, entries.get(kind, [])) if not exists(path)] for kind in PATHS}
    paths = [path for kind in PATHS for path in new[kind]]
    above = {parent for path in paths for parent in _above(path) if not exists(parent)}
    directories = [path for path in new["directories"] if path not in above] + sorted(above)
    return {**entries, **new, "directories": [path for path in directories if path != directory]}


def recording_roles(record: Record) -> list[str]:
    """The roles with an entry."""
    return [role for role, kinds in record.items() if any(kinds.values())]


def removed(record: Record, role: str, entries: Entries) -> Record:
    """Without the entries, or without any entry of the role where none is named."""
    return {
        **record,
        role: {
            kind: [one for one in have if any(entries.values()) and one not in entries.get(kind, [])]
            for kind, have in record[role].items()
        },
    }


def _with(have: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    entries = list(have)
    for one in new:
        # Of a file that was replaced twice, the later content is what its owner had last.
        entries = [kept for kept in entries if not (isinstance(one, dict) and "path" in one and _at(kept) == _at(one))]
        if one not in entries:
            entries.append(one)
    return entries


def _above(path: str) -> Iterator[str]:
    while path != os.path.dirname(path):
        path = os.path.dirname(path)
        yield path


def _at(entry: Any) -> Any:
    return entry.get("path")


def _fault(kept: Any) -> str | None:
    """What is not of the form that `written` gives it. A file may have been edited."""
    if not isinstance(kept, dict):
        return "it is not an object"
    for role, kinds in kept.items():
        if role not in ROLES or not isinstance(kinds, dict):
            return f"it has {role!r}"
        for kind, entries in kinds.items():
            if kind not in KINDS or not isinstance(entries, list):
                return f"{role} has {kind!r}"
            if not all(isinstance(one, KINDS[kind]) for one in entries):
                return f"{role}.{kind} has an entry of another type"
            wrong = [one for one in entries if kind in PATHS and not _usable(one, kind)]
            if wrong:
                return f"{role}.{kind} has {wrong[0]!r}"
    return None


def _usable(path: str, kind: str) -> bool:
    parts = [part for part in path.split("/") if part]
    shortest = _SHORTEST_TREE if kind == "trees" else 1
    return path == "/" + "/".join(parts) and ".." not in parts and len(parts) >= shortest


def _unreadable(path: str, fault: str) -> InstallationRecordError:
    return InstallationRecordError(
        f"installation_record_unreadable: {path} is not a record of this collection: {fault}. It was left as it is."
        " Correct it, or remove it if nothing that this collection installed is to be removed."
    )


class RecordFile:
    def __init__(self, path: str) -> None:
        self.path = path

    def read(self) -> str:
        try:
            with open(self.path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def replace(self, text: str) -> None:
        """In one step. An empty text removes the file."""
        if text:
            whole_file.replace(self.path, text.encode())
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """While another process reads the record to change it, this one waits. Creates the directory."""
        directory = os.path.dirname(self.path)
        if not os.path.isdir(directory):
            os.makedirs(directory)
            os.chmod(directory, 0o755)
        handle = os.open(directory, os.O_RDONLY)
        try:
            file_lock.lock(handle, directory)
            yield
        finally:
            os.close(handle)
