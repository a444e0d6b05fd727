# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where this collection is, and whether it is a checkout. Private, and for the control node alone."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def checkout(directory: Path = ROOT) -> Path | None:
    """The directory of a checkout, without links; none where the collection was built and installed."""
    return None if (directory / "MANIFEST.json").exists() else directory.resolve()
