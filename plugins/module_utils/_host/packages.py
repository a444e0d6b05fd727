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
# What the modules of community.docker and the firewall of the servers need.
OTHERS = ("python3-requests", "nftables")

# A package's name and version, and dpkg's abbreviation of its state: what is wanted (h: held), then what is
# (i: installed). rpm, which knows no such state, is asked for the same form.
_LINE = re.compile(r"(\S+) (\S*) (.)(.) *")
_QUERIES = {
    "dpkg-query": ["dpkg-query", "--show", "--showformat", "${Package} ${Version} ${db:Status-Abbrev}\n"],
    "rpm": ["rpm", "--query", "--queryformat", "%{NAME} %{VERSION}-%{RELEASE} ii\n"],
}


class Package(NamedTuple):
    """``version`` is empty where the package is not installed; it may be held all the same."""

    version: str
    held: bool = False


def listed(text: str) -> dict[str, Package]:
    """From the output of either query. What rpm says of a package that is not installed is no line of this form."""
    found = filter(None, map(_LINE.fullmatch, text.splitlines()))
    lines = ((line.group(1), line.group(2) if line.group(4) == "i" else "", line.group(3) == "h") for line in found)
    return {name: Package(version, held) for name, version, held in lines}


def packages(names: Sequence[str], runner: Runner, which: Which) -> dict[str, Package] | None:
    """Those of the names that are installed; None on a host with neither dpkg nor rpm."""
    for program, query in _QUERIES.items():
        if which(program):
            found = listed(runner([*query, *names]).out)
            return {name: package for name, package in found.items() if package.version}
    return None
