# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments as Docker writes them: RFC 3339 in UTC, with up to nine digits of a second. Private to this collection."""

from __future__ import annotations

import datetime
import re

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")


class UnreadableMomentError(Exception):
    """The text is no moment; the message says so."""


def seconds_between(earlier: str, later: str) -> float:
    return round(_seconds(later) - _seconds(earlier), 3)


def _seconds(text: str) -> float:
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise UnreadableMomentError(f"{text!r} is not a moment as Docker writes it, such as 2026-01-31T12:00:00.5Z")
    whole = datetime.datetime.strptime(found.group(1), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return whole.timestamp() + int((found.group(2) or "0").ljust(9, "0")) / 1e9
