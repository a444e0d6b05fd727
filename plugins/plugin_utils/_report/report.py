# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recording and rendering: the two things that the action and the callback do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Iterable

from . import page, records
from .fleet import Fleet, fleet_of


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
    found = records.read_all(directory, hosts)
    try:
        fleet, data, html = _rendered(found, generated_at)
    except Exception:
        # One host's record costs no other host its place.
        fleet, data, html = _rendered([_or_error(record, generated_at) for record in found], generated_at)
    html_file, json_file = directory / "fleet.html", directory / "fleet.json"
    records.write(json_file, data)
    records.write(html_file, html)
    return Written(str(html_file), str(json_file), len(fleet.records), len(fleet.problems))


def _rendered(found: list[dict[str, Any]], generated_at: str) -> tuple[Fleet, str, str]:
    fleet = fleet_of(found, generated_at)
    return fleet, records.as_json(fleet.as_dict()), page.render(fleet)


def _or_error(record: dict[str, Any], generated_at: str) -> dict[str, Any]:
    try:
        _rendered([record], generated_at)
    except Exception as error:
        return records.unreadable(str(record.get("host", "a host without a name")), repr(error))
    return record
