# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold before root writes on a host: its directories are root's, its user nobody's, its engine root's too."""

from __future__ import annotations

import glob
import os
import pwd
import stat
from typing import Callable, Iterable, Mapping, NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.client import SOCKET
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem

# Of the collection alone; those that an operator names come on top.
DIRECTORIES = (
    "/etc/whisper",
    "/etc/whisper/gateway",
    "/usr/local/lib/whisper",
    "/usr/local/lib/whisperops",
    "/var/cache/whisperops",
    "/var/cache/whisperops/build",
    "/var/lib/whisper",
    "/var/lib/whisper/logs",
    "/var/lib/whisper/metrics",
)
# Debian's group staff may write here, and with it replace what root runs anyway.
_OF_STAFF = "/usr/local/"
_SOCKETS = (f"unix://{SOCKET}", f"unix:///var{SOCKET}")
_ROOTLESS = "/run/user/*/docker.sock"
# Who has one of these cannot log in.
_NO_SHELLS = frozenset({"nologin", "false", "true", "sync"})

Lookup = Callable[[int], pwd.struct_passwd]
"""The user with an ID; raises KeyError where there is none."""


class Host(NamedTuple):
    """Everything from outside comes in here, so that tests can bring a host of their own."""

    root: str = "/"
    owner: int = 0
    """Root's ID."""
    lookup: Lookup = pwd.getpwuid

    def problem(self, directories: Iterable[str], server_user: str, environment: Mapping[str, str]) -> Problem | None:
        """The first that is found."""
        found = engine_elsewhere(environment, self.root) or user_taken(server_user, self.lookup)
        for directory in [*DIRECTORIES, *directories]:
            found = found or directory_unsafe(directory, self.root, self.owner)
        return found


def engine_elsewhere(environment: Mapping[str, str], root: str = "/") -> Problem | None:
    """Clients follow these variables, and would change another engine than the one that the host's roles configure."""
    named = environment.get("DOCKER_HOST") or _SOCKETS[0]
    context = environment.get("DOCKER_CONTEXT") or "default"
    if named not in _SOCKETS or (context != "default" and not environment.get("DOCKER_HOST")):
        setting = f"DOCKER_HOST is {named}" if named not in _SOCKETS else f"DOCKER_CONTEXT is {context}"
        return Problem.documented(
            "engine_elsewhere",
            f"{setting} in the environment of root on this host; servers run in the engine of {SOCKET}.",
            "Remove the variable (/etc/environment, /root/.profile). Nothing was changed.",
        )
    rootless = sorted(glob.glob(os.path.join(root, _ROOTLESS.lstrip("/"))))
    if rootless and not os.path.exists(os.path.join(root, SOCKET.lstrip("/"))):
        return engine_rootless("/" + os.path.relpath(rootless[0], root))
    return None


def engine_rootless(seen: str) -> Problem:
    return Problem.documented(
        "engine_rootless",
        f"the Docker Engine of this host runs without root ({seen}).",
        f"Servers and their GPUs need an engine that runs as root, on {SOCKET}. Install and start one yourself, next to"
        " the other or in its place. Nothing was changed.",
    )


def user_taken(server_user: str, lookup: Lookup = pwd.getpwuid) -> Problem | None:
    """Whoever has the ID of the servers could end them, read their memory and write the code that they run."""
    number = server_user.partition(":")[0]
    if not number.isdigit() or int(number) == 0:
        return None
    try:
        user = lookup(int(number))
    except (KeyError, OverflowError):
        return None
    if os.path.basename(user.pw_shell) in _NO_SHELLS:
        return None
    return Problem.documented(
        "server_user_taken",
        f"the user ID {number} of whisper_server_user is that of {user.pw_name} on this host, who can log in (shell"
        f" {user.pw_shell or '/bin/sh'}).",
        "Set whisper_server_user to two numbers that no user and no group of the host has. Nothing was changed.",
    )


def directory_unsafe(directory: str, root: str = "/", owner: int = 0) -> Problem | None:
    """Where somebody else could place a link, root would write into a directory of their choice."""
    seen = "/"
    parts = [part for part in directory.split("/") if part]
    for part in parts:
        seen = os.path.join(seen, part)
        last = seen == os.path.join("/", *parts)
        place = os.path.join(root, seen.lstrip("/"))
        try:
            status = os.lstat(place)
        except OSError:
            # Nothing is there yet, or it may not be read: whoever runs as root comes here again.
            return None
        if last and stat.S_ISLNK(status.st_mode):
            return _link(seen, directory)
        if not last:
            # A link of root's own, such as /var/run, leads on.
            status = os.stat(place) if status.st_uid == owner and os.path.exists(place) else status
        fault = _fault(status, owner, ours=last, group=not f"{seen}/".startswith(_OF_STAFF))
        if fault:
            return Problem.documented(
                "directory_unsafe",
                f"{seen} {fault}, and root would write in {directory}.",
                f"Look at what is in it, then: chown root:root {seen}; chmod go-w {seen}. Or move it away, or name"
                " another directory. Nothing was changed.",
            )
    return _links_in(directory, root)


def _fault(status: os.stat_result, owner: int, *, ours: bool, group: bool) -> str | None:
    mode = status.st_mode
    if not stat.S_ISDIR(mode):
        return "is no directory"
    if status.st_uid != owner:
        return f"belongs to the user with the ID {status.st_uid}"
    # In a directory such as /tmp nobody can replace what is root's.
    kept = mode & stat.S_ISVTX and not ours
    if mode & stat.S_IWOTH and not kept:
        return "can be written by everybody"
    if mode & stat.S_IWGRP and status.st_gid != 0 and (ours or group) and not kept:
        return f"can be written by the group with the ID {status.st_gid}"
    return None


def _links_in(directory: str, root: str) -> Problem | None:
    try:
        with os.scandir(os.path.join(root, directory.lstrip("/"))) as entries:
            links = sorted(entry.name for entry in entries if entry.is_symlink())
    except OSError:
        return None
    return _link(os.path.join(directory, links[0]), directory) if links else None


def _link(path: str, directory: str) -> Problem:
    return Problem.documented(
        "directory_unsafe",
        f"{path} is a symbolic link, through which root would write somewhere else than in {directory}.",
        f"Look at where it leads (ls -l {path}) and remove it. To have the files elsewhere, set the variable of the"
        " directory, or mount it. Nothing was changed.",
    )
