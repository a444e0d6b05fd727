# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A build that runs by itself in the background, so that it can be looked at, and survives the one who started it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Iterable, Mapping, NamedTuple, Sequence

LOG = "build.log"
_STATE = "build.json"
_RESULT = "build.rc"
_SECRET = "build.secret."
# The shell outlives the module and writes the exit status down, whole or not at all. What a build says is root's alone.
_RUNNER = (
    'umask 077; rc=0; "$@" >build.log 2>&1 || rc=$?; rm -f build.secret.*; echo $rc >build.rc.new'
    " && mv build.rc.new build.rc"
)


# Docker knows these names without the Dockerfile's saying so, and keeps their values out of the image and its cache.
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def options(network: str, environment: Mapping[str, str]) -> list[str]:
    """Of ``docker build``, which takes a proxy's value, a password maybe, from its own environment."""
    given = [f"--build-arg={name}" for name in _PROXIES if environment.get(name)]
    return [*given, *(["--network=host"] if network == "host" else [])]


def secret_options(folder: Path, secrets: Iterable[str]) -> list[str]:
    """Of ``docker build``, for steps with ``RUN --mount=type=secret``. By file: older clients know no other way."""
    return [f"--secret=id={name},src={folder / (_SECRET + name)}" for name in sorted(secrets)]


def remove_secrets(folder: Path) -> None:
    """Those of a build that was ended from outside; the others are removed when their build ends."""
    for path in folder.glob(f"{_SECRET}*"):
        path.unlink()


class Run(NamedTuple):
    """The newest build of a directory."""

    image: str
    running: bool
    rc: int | None
    """None while it runs, and where it was ended from outside."""


def _started_at(pid: int) -> str | None:
    """A process ID comes to mean another process; with its start time it does not."""
    try:
        # The name in parentheses may hold anything, spaces too.
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return None


def look(folder: Path) -> Run | None:
    """None where no build was ever started."""
    try:
        state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    running = state["started_at"] is not None and _started_at(state["pid"]) == state["started_at"]
    try:
        rc = int((folder / _RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Run(state["image"], running, None)
    return Run(state["image"], False, rc)


def start(
    folder: Path,
    image: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    secrets: Mapping[str, str] | None = None,
) -> None:
    for name in (LOG, _RESULT, _STATE):
        if (folder / name).exists():
            (folder / name).unlink()
    remove_secrets(folder)
    for name, value in (secrets or {}).items():
        descriptor = os.open(str(folder / (_SECRET + name)), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(value)
    process = subprocess.Popen(  # pylint: disable=ansible-bad-function  # outlives the module
        ["/bin/sh", "-c", _RUNNER, "sh", *command],
        cwd=str(folder),
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    state = {"image": image, "pid": process.pid, "started_at": _started_at(process.pid)}
    (folder / f"{_STATE}.new").write_text(json.dumps(state), encoding="utf-8")
    (folder / f"{_STATE}.new").rename(folder / _STATE)


def log_lines(folder: Path) -> list[str]:
    try:
        return (folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
