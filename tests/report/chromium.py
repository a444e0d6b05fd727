"""Debian's Chromium."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

LOCK = Path(__file__).parents[2] / ".cache" / "chromium.lock"
# Root has no sandbox of Chromium's. The pages are our own.
ARGUMENTS = ["--no-sandbox"] if os.geteuid() == 0 else []


def browser_path():
    """Where Chromium is; installed if this may be done, else the test is skipped and says why."""
    LOCK.parent.mkdir(exist_ok=True)
    # The tests of the report and those of the page run at the same time, and apt lets one of them in.
    with LOCK.open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return installed()


def installed():
    found = shutil.which("chromium")
    if found:
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        pytest.skip("there is no chromium, and only root on Debian can install it here: apt-get install chromium")
    for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        done = subprocess.run(["apt-get", "--quiet", "--quiet", *command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"apt-get {' '.join(command)} did not bring chromium: {done.stderr.strip()[-300:]}")
    return shutil.which("chromium")
