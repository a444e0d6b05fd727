# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any, Callable

# What a version of Docker Engine begins with: behind it stand words of the distribution.
NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*")
CDI_SINCE = (25,)
# Before, containers with CDI devices do not come back after a restart; from here on CDI is on without a setting.
CDI_RELIABLE_SINCE = (28, 2)
# In check mode on a bare host: the engine that the distribution would install.
EXPECTED = {"Debian 12": "26.1", "Debian 13": "26.1"}
EXPECTED_ELSEWHERE = "28.2"


def container_gpu_mode(server_version: str | None, wanted: str, distribution: str) -> dict[str, Any]:
    """How containers get a GPU from this Docker Engine.

    ``server_version`` is empty where no engine answers yet; ``wanted`` is auto, cdi or runtime; ``distribution`` is a
    name with its major version, such as Debian 12.
    """
    found = NUMBERS.match(server_version or "")
    engine = found.group() if found else ""
    expected = _numbers(engine or EXPECTED.get(distribution, EXPECTED_ELSEWHERE))
    mode = ("cdi" if expected >= CDI_RELIABLE_SINCE else "runtime") if wanted == "auto" else wanted
    known = bool(engine)
    return {
        "engine": engine,
        "mode": mode,
        "cdi_unsupported": mode == "cdi" and known and expected < CDI_SINCE,
        "cdi_unreliable": mode == "cdi" and known and expected < CDI_RELIABLE_SINCE,
        "setting_needed": mode == "runtime" or expected < CDI_RELIABLE_SINCE,
    }


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"container_gpu_mode": container_gpu_mode}
