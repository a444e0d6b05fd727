# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a tool of the host for at most so long: nvidia-smi can hang for ever on a lost GPU."""

from __future__ import annotations

import os
import subprocess
from typing import Callable, NamedTuple, Optional, Sequence

# The tools an ordinary user's PATH may lack: ldconfig, and nvidia-smi under WSL.
EXTRA_PATH = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin", "/usr/lib/wsl/lib")


class Result(NamedTuple):
    """``rc`` is None where the command did not end in time or could not be started."""

    rc: int | None
    out: str
    err: str


Runner = Callable[[Sequence[str]], Result]
Which = Callable[[str], Optional[str]]


def run(command: Sequence[str], timeout_seconds: float = 60) -> Result:
    environment = dict(os.environ, LC_ALL="C", LANGUAGE="C")
    try:
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function  # works without an AnsibleModule too
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
    except OSError as error:
        return Result(None, "", str(error))
    try:
        out, err = process.communicate(timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        # Not waited for: a process that hangs in the kernel does not even die of this.
        process.kill()
        return Result(None, "", f"no answer within {timeout_seconds:g} seconds")
    return Result(process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


def which(name: str) -> str | None:
    for directory in os.environ.get("PATH", "").split(os.pathsep) + list(EXTRA_PATH):
        candidate = os.path.join(directory, name)
        if directory and os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    return None
