# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any, Callable, Mapping, Sequence

TOOLKIT = "nvidia-container-toolkit"
PACKAGES = (TOOLKIT, f"{TOOLKIT}-base", "libnvidia-container-tools", "libnvidia-container1")
# A line of the query: the package, its version and dpkg's two letters: the first is what is wanted ("h": held), the
# second what is there ("i": installed). A package that is not installed has no version. rpm is asked for the same form.
LINE = re.compile(r"(?P<name>\S+) (?P<version>\S*) (?P<wanted>.)(?P<there>.) *")


def toolkit_packages(
    query: str | None, version: str, source: str = "nvidia", own_holds: Sequence[str] = ()
) -> dict[str, Any]:
    """What of the toolkit is installed, what its owner holds, and whether ``version`` has to be installed.

    ``version`` is a release such as 1.19.1; ``own_holds`` are the packages that the role itself held.
    """
    lines = [found for line in (query or "").splitlines() if (found := LINE.fullmatch(line))]
    installed = {found["name"]: found["version"] for found in lines if found["version"] and found["there"] == "i"}
    held = [found["name"] for found in lines if found["wanted"] == "h"]
    by_owner = [name for name in dict.fromkeys(held) if name not in own_holds]
    return {
        "installed": installed,
        # The release alone: what stands behind the last dash counts how often it was packed.
        "version": installed.get(TOOLKIT, "").rpartition("-")[0] or installed.get(TOOLKIT, ""),
        "due": source != "none" and any(installed.get(name) != f"{version}-1" for name in PACKAGES),
        "held_by_owner": by_owner,
        "held_at_other_versions": _at_other_versions(by_owner, installed, f"{version}-1"),
    }


def _at_other_versions(names: Sequence[str], installed: Mapping[str, str], version: str) -> list[str]:
    return [f"{name} {installed.get(name, 'not installed')}" for name in names if installed.get(name) != version]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"toolkit_packages": toolkit_packages}
