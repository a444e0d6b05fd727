# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of cores.txt as the matrix of a GitHub workflow: one JSON list of core, python and prerelease."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("cores.txt")


def matrix(table: str) -> list[dict[str, Any]]:
    """One entry for each Python of the controller that runs an ansible-core."""
    entries = []
    for line in table.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        core, pythons, _hosts, ansible = line.split()
        prerelease = re.search("[a-z]", ansible) is not None
        entries += [{"core": core, "python": python, "prerelease": prerelease} for python in sorted(pythons.split(","))]
    return entries


if __name__ == "__main__":
    print(json.dumps(matrix(TABLE.read_text(encoding="utf-8"))))
