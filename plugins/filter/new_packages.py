# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any, Callable, Iterable, Mapping

DOCUMENTATION = r"""
name: new_packages
short_description: Names of the packages that apt or dnf newly installed
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Reads the results of M(ansible.builtin.apt) and M(ansible.builtin.dnf). A package that was upgraded or downgraded
    is not new.
options:
  _input:
    description: Results of tasks. One that was skipped or that has changed nothing has no new packages.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Record the installed packages
  whisperops.gpu.installation_record:
    role: docker_engine
    packages: "{{ ([installation] | whisperops.gpu.new_packages).packages }}"
"""

RETURN = r"""
_value:
  description: The names, V(packages) from apt and V(rpms) from dnf.
  type: dict
  sample:
    packages: [docker.io, containerd, runc]
    rpms: []
"""

# apt-get names them on indented lines, in all of its versions where its output is no terminal.
_APT = re.compile(r"^The following NEW packages will be installed:\n((?:  .*\n?)+)", re.MULTILINE)
# The module of dnf names each with version, release and architecture, also as removed where another version was there.
_DNF = re.compile(r"(Installed|Removed): (\S+)-[^-\s]+-[^-\s]+")


def new_packages(results: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"packages": [], "rpms": []}
    for result in results:
        for lines in _APT.findall(str(result.get("stdout") or "")):
            found["packages"] += lines.split()
        said = [_DNF.fullmatch(str(line)) for line in result.get("results") or []]
        removed = {match[2] for match in said if match and match[1] == "Removed"}
        found["rpms"] += [match[2] for match in said if match and match[1] == "Installed" and match[2] not in removed]
    return {kind: list(dict.fromkeys(names)) for kind, names in found.items()}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"new_packages": new_packages}
