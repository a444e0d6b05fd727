# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recording and rendering: the two things that the action and the callback do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Iterable

from . import page, records
from .fleet import fleet_of


@dataclass(frozen=True)
class Written:
    html: str
    json: str
    hosts: int
    problems: int


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def write_report(directory: Path, hosts: Iterable[str] | None, generated_at: str) -> Written:
    """fleet.html and fleet.json from the records of these hosts, or of all."""
    fleet = fleet_of(records.read_all(directory, hosts), generated_at)
    html, json = directory / "fleet.html", directory / "fleet.json"
    records.write(json, records.as_json(fleet.as_dict()))
    records.write(html, page.render(fleet))
    return Written(str(html), str(json), len(fleet.records), len(fleet.problems))
