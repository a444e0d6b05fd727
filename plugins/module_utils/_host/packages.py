# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the packages that this collection may install are installed, at which version, and whether they are held."""

from __future__ import annotations

import re
from typing import NamedTuple, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Runner, Which

ENGINE = (
    "docker.io",
    "docker-cli",
    "docker-buildx",
    "docker-ce",
    "docker-ce-cli",
    "containerd.io",
    "docker-buildx-plugin",
)
TOOLKIT = (
    "nvidia-container-toolkit",
    "nvidia-container-toolkit-base",
    "libnvidia-container-tools",
    "libnvidia-container1",
)
# What the modules of community.docker need.
OTHERS = ("python3-requests",)

# dpkg-query's abbreviation of a state: what is wanted (h: held), then what is (i: installed).
_DEB = re.compile(r"(\S+) (\S+) (\w)i\s*")
_RPM = re.compile(r"(\S+) (\S+)")


class Package(NamedTuple):
    version: str
    held: bool = False


def packages(names: Sequence[str], runner: Runner, which: Which) -> dict[str, Package] | None:
    """Those of the names that are installed; None on a host with neither dpkg nor rpm."""
    if which("dpkg-query"):
        listing = runner(
            ["dpkg-query", "--show", "--showformat", "${Package} ${Version} ${db:Status-Abbrev}\n", *names]
        )
        found = map(_DEB.fullmatch, listing.out.splitlines())
        return {match.group(1): Package(match.group(2), match.group(3) == "h") for match in found if match}
    if which("rpm"):
        listing = runner(["rpm", "--query", "--queryformat", "%{NAME} %{VERSION}-%{RELEASE}\n", *names])
        # Of one that is not installed it says so in words.
        found = map(_RPM.fullmatch, listing.out.splitlines())
        return {match.group(1): Package(match.group(2)) for match in found if match}
    return None
