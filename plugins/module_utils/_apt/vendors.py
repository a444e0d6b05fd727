# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which package sources are NVIDIA's and Docker's: by their addresses, because their files have any name."""

from __future__ import annotations

import re
from typing import NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._apt.sources import Source

# What the roles of this collection add begins with this.
OUR_PREFIX = "whisperops-"

TOOLKIT, NVIDIA, DOCKER = "NVIDIA Container Toolkit", "NVIDIA", "Docker"


class Repository(NamedTuple):
    vendor: str
    address: re.Pattern[str]


REPOSITORIES = (
    # All names that it has had since 2017, on nvidia.github.io and on mirrors.
    Repository(TOOLKIT, re.compile(r"/(libnvidia-container|nvidia-docker|nvidia-container-(runtime|toolkit))(/|$)")),
    Repository(NVIDIA, re.compile(r"//([^/]*\.)?download\.nvidia\.com(/|$)")),
    # What the installers named *-local-repo unpack.
    Repository(NVIDIA, re.compile(r"^(file|copy):/+var/(cuda|cudnn|nccl|nv|nvidia)[^/]*-repo")),
    Repository(DOCKER, re.compile(r"//(download\.docker\.com|apt\.dockerproject\.org|get\.docker\.(com|io))(/|$)")),
    Repository(DOCKER, re.compile(r"/docker(-ce)?/linux/(debian|ubuntu|raspbian)(/|$)")),
)


def vendor_of(source: Source) -> str | None:
    """None too for a source with addresses of several: it cannot be set aside for one of them."""
    vendors = {_vendor(uri) for uri in source.uris}
    return vendors.pop() if len(vendors) == 1 else None


def is_ours(source: Source) -> bool:
    return source.path.rpartition("/")[2].startswith(OUR_PREFIX)


def same_address(one: str, other: str) -> bool:
    return one.rstrip("/") == other.rstrip("/")


def _vendor(uri: str) -> str | None:
    address = re.sub(r"//[^/@]*@", "//", uri.lower())
    return next((known.vendor for known in REPOSITORIES if known.address.search(address)), None)
