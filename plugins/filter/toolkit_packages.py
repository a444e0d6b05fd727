# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._host.packages import TOOLKIT, listed


def toolkit_packages(
    query: str | None, version: str, source: str = "nvidia", own_holds: Sequence[str] = ()
) -> dict[str, Any]:
    """What of the toolkit is installed, what its owner holds, and whether ``version`` has to be installed.

    ``version`` is a release such as 1.19.1; ``own_holds`` are the packages that the role itself held.
    """
    there = listed(query or "")
    installed = {name: package.version for name, package in there.items() if package.version}
    by_owner = [name for name, package in there.items() if package.held and name not in own_holds]
    return {
        "installed": installed,
        # The release alone: what stands behind the last dash counts how often it was packed.
        "version": installed.get(TOOLKIT[0], "").rpartition("-")[0] or installed.get(TOOLKIT[0], ""),
        "due": source != "none" and any(installed.get(name) != f"{version}-1" for name in TOOLKIT),
        "held_by_owner": by_owner,
        "held_at_other_versions": _at_other_versions(by_owner, installed, f"{version}-1"),
    }


def _at_other_versions(names: Sequence[str], installed: Mapping[str, str], version: str) -> list[str]:
    return [f"{name} {installed.get(name, 'not installed')}" for name in names if installed.get(name) != version]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"toolkit_packages": toolkit_packages}
