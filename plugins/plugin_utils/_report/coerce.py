# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading what may be anything: records come from files, from hosts and from other people's tools."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Any, Mapping


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def mappings(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in sequence(value) if isinstance(item, Mapping)]


def texts(value: Any) -> list[str]:
    return [str(item) for item in sequence(value) if item is not None]


def text(value: Any) -> str | None:
    """None for what is not there; a text that only looks like nothing stays a text."""
    return None if value is None or value == "" else str(value)


def number(value: Any) -> float | None:
    """A finite number, or None. A truth value is none, and neither is a number's text."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def moment(value: Any) -> datetime | None:
    """A time in ISO 8601, in UTC."""
    try:
        read = datetime.fromisoformat(str(value))
        return read.astimezone(timezone.utc) if read.tzinfo else read.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        # OverflowError: the first or the last day that Python knows, in another time zone.
        return None
