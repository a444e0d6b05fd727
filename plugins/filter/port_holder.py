# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any, Callable

PROCESS = re.compile(r'"([^"]+)",pid=(\d+)')


def port_holder(listening: str | None, port: int | str) -> str:
    """Who listens on a TCP port, as ``NAME, process PID``; empty where nobody does.

    ``listening`` is the output of ``ss --no-header --listening --tcp --numeric --processes``. A socket without a
    process, such as one of the kernel, is held by ``something``.
    """
    local_address = re.compile(rf":{port}\s")
    for line in (listening or "").splitlines():
        if local_address.search(line):
            process = PROCESS.search(line)
            return f"{process.group(1)}, process {process.group(2)}" if process else "something"
    return ""


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"port_holder": port_holder}
