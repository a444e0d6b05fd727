# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any, Callable, Mapping

SNAPSHOTTER = ["driver-type", "io.containerd.snapshotter.v1"]
# The address of a containerd that the engine runs by itself.
OWN_CONTAINERD = "/docker/containerd/"
ROOT = re.compile(r"^root = .(/.*).$", re.MULTILINE)
DEFAULT_ROOT = "/var/lib/containerd"


def image_store(host_info: Mapping[str, Any], containerd: str | None = "") -> dict[str, Any]:
    """Where Docker Engine keeps its images.

    ``host_info`` is what the engine says of itself. From 29 on the images are in containerd's store, and not under the
    engine's data-root, unless the engine runs a containerd of its own. ``containerd`` is the output of
    ``containerd config dump``; without one containerd's default holds.
    """
    address = str((host_info.get("Containerd") or {}).get("Address") or "")
    apart = SNAPSHOTTER in (host_info.get("DriverStatus") or []) and OWN_CONTAINERD not in address
    if not apart:
        return {"in_containerd": False, "path": host_info.get("DockerRootDir")}
    found = ROOT.search(containerd or "")
    return {"in_containerd": True, "path": found.group(1) if found else DEFAULT_ROOT}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"image_store": image_store}
