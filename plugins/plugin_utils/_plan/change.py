# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One change of a host, as the operator reads it before it is made."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

# What leaves the host as it is.
CHECK = "check"
# The sign of each kind of change, as other planners print them.
_SIGNS = {"remove": "-", "replace": "±", "upgrade": "~", "configure": "~", "start": "~", CHECK: "?"}


class Change(NamedTuple):
    """``interrupts`` names the servers that do not answer while the change is made, ``seconds`` the longest time of it.

    That is the time a new server has for loading its model (``whisper_server_ready_seconds``), no measurement. None
    where nothing is interrupted, and where a server is removed for good.
    """

    role: str
    action: str
    what: str
    before: str | None
    after: str | None
    why: str
    interrupts: tuple[str, ...] = ()
    seconds: int | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "role": self.role,
            "action": self.action,
            "what": self.what,
            "from": self.before,
            "to": self.after,
            "why": self.why,
            "interrupts": list(self.interrupts),
            "seconds": self.seconds,
        }


def line(change: Mapping[str, Any]) -> str:
    """``~ upgrade nvidia-container-toolkit: 1.19.1 -> 1.20.1 (…)``."""
    steps = [str(value) for value in (change["from"], change["to"]) if value is not None]
    values = ": " + " -> ".join(steps) if steps else ""
    stops = f", interrupts {', '.join(change['interrupts'])} {_how_long(change)}" if change["interrupts"] else ""
    return f"{_SIGNS.get(change['action'], '+')} {change['action']} {change['what']}{values} ({change['why']}{stops})"


def _how_long(change: Mapping[str, Any]) -> str:
    seconds = change["seconds"]
    return "for good" if seconds is None else f"until its model is loaded, at most {seconds} s"
