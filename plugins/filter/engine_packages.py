# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError

# What a host needs beside the engine: the modules of community.docker, and the firewall of the servers.
NEEDED = ["python3-requests", "nftables"]
# An image build needs the client and BuildKit's, which older releases have in the package of the engine.
OF_THE_DISTRIBUTION = {
    "Debian 12": ["docker.io", *NEEDED],
    "Debian 13": ["docker.io", "docker-cli", "docker-buildx", *NEEDED],
    "Ubuntu 22": ["docker.io", "docker-buildx", *NEEDED],
    "Ubuntu 24": ["docker.io", "docker-buildx", *NEEDED],
    "Ubuntu 26": ["docker.io", "docker-buildx", *NEEDED],
}
OF_DOCKER = ["docker-ce", "docker-ce-cli", "containerd.io", "docker-buildx-plugin", *NEEDED]
# What Docker calls the dnf repository of each. Rocky Linux and AlmaLinux take CentOS' packages.
DNF_REPOSITORIES = {"CentOS": "centos", "Rocky": "centos", "AlmaLinux": "centos", "RedHat": "rhel", "Fedora": "fedora"}
DNF_RELEASES = ("9", "10")
PACKAGE_MANAGERS = {"Debian": "apt", "RedHat": "dnf"}
SOURCES = ("distribution", "docker", "none")


def engine_packages(facts: Any, source: str, installed: bool = False) -> dict[str, Any]:
    """Which packages bring Docker Engine to a host, or what it needs beside an engine that is installed already.

    ``facts`` are those of ansible.builtin.setup; ``source`` is distribution, docker or none.
    """
    if not isinstance(facts, Mapping) or source not in SOURCES:
        raise AnsibleFilterError(
            f"whisperops.gpu.engine_packages: got {type(facts).__name__} and {source!r}; allowed: facts of a host, and"
            f" one of {', '.join(SOURCES)}."
        )
    name, release = str(facts.get("distribution")), str(facts.get("distribution_major_version"))
    own = OF_THE_DISTRIBUTION.get(f"{name} {release}")
    repository = DNF_REPOSITORIES.get(name, "")
    packages = {"distribution": own or [], "docker": OF_DOCKER, "none": NEEDED}
    return {
        "package_manager": PACKAGE_MANAGERS.get(str(facts.get("os_family")), ""),
        "repository": repository,
        "packages": packages["none" if installed else source],
        # Fedora has two releases a year, and Docker packages for those that are current.
        "supported": own is not None or name == "Fedora" or (bool(repository) and release in DNF_RELEASES),
        "supported_distributions": _supported(),
    }


def _supported() -> str:
    numbered = ", ".join(name for name in DNF_REPOSITORIES if name != "Fedora")
    return (
        f"{', '.join(OF_THE_DISTRIBUTION)}, and with docker_engine_source: docker"
        f" {numbered} {' and '.join(DNF_RELEASES)} and Fedora"
    )


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"engine_packages": engine_packages}
