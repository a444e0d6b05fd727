# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Order of driver and toolkit versions."""

from __future__ import annotations

import re

# A driver version has two or three groups: 470.256, 550.163.01. 35.3.1 is a release of Linux for Tegra.
DRIVER_VERSION = re.compile(r"(?<![\d.])(\d{3,4}(?:\.\d{1,4}){1,2})(?![\d.])", re.ASCII)


def version_key(version: str) -> tuple[int, ...]:
    """What precedes any suffix counts: ``1.20.0-rc.1`` is as old as ``1.20.0``."""
    numbers = re.match(r"[0-9.]*", version)
    return tuple(int(part) for part in (numbers.group() if numbers else "").split(".") if part)


def driver_version_in(text: str) -> str | None:
    found = DRIVER_VERSION.search(text)
    return found.group(1) if found else None
