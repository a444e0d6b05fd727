# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any, Callable, Mapping, Sequence

LOOPBACK = re.compile(r"127\.|::1$|localhost$")
# What every role of this collection listens on unless it is told otherwise.
DEFAULT_ADDRESS = "127.0.0.1"


def hosts_on_loopback(
    hosts: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]], variable: str, reader: str = ""
) -> list[str]:
    """The hosts where ``variable`` is an address of loopback, which ``reader``, another host, cannot reach."""
    return [
        host for host in hosts if host != reader and LOOPBACK.match(str(hostvars[host].get(variable, DEFAULT_ADDRESS)))
    ]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"hosts_on_loopback": hosts_on_loopback}
