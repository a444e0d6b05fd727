# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CUDA toolkits, drivers and architectures as data.

The letters say where a row comes from:
[V] tried with the real tool (tests/unit repeats it where the tool is there) · [RN] CUDA release notes ·
[MVC] CUDA compatibility guide, minor-version compatibility · [FC] the same, forward compatibility ·
[MTX] NVIDIA's matrix of toolkits, drivers and architectures · [KM] driver installation guide, kernel modules ·
[CPG] CUDA programming guide · [PTX] release history in the PTX ISA manual · [Inf] inferred here from the others.
"""

from __future__ import annotations

from typing import NamedTuple

from .versions import Numbers, Version

# Minor-version compatibility: SASS of any toolkit of this major runs from this driver on. [RN, MVC]
MAJOR_FLOORS: dict[int, str] = {11: "450.80.02", 12: "525.60.13", 13: "580.65.06"}

# The driver that came with each toolkit. [RN] 12.7 was never public; of 13.4 only the branch is known.
TOOLKIT_DRIVERS: dict[Numbers, str] = {
    (11, 0): "450.51.05",
    (11, 1): "455.23",
    (11, 2): "460.27.03",
    (11, 3): "465.19.01",
    (11, 4): "470.42.01",
    (11, 5): "495.29.05",
    (11, 6): "510.39.01",
    (11, 7): "515.43.04",
    (11, 8): "520.61.05",
    (12, 0): "525.60.13",
    (12, 1): "530.30.02",
    (12, 2): "535.54.03",
    (12, 3): "545.23.06",
    (12, 4): "550.54.14",
    (12, 5): "555.42.02",
    (12, 6): "560.28.03",
    (12, 8): "570.26",
    (12, 9): "575.51.03",
    (13, 0): "580.65.06",
    (13, 1): "590.44.01",
    (13, 2): "595.45.04",
    (13, 3): "610.43.02",
    (13, 4): "615",
}

# The CUDA version a driver of each branch reports. [RN, FC]
BRANCH_CUDA: dict[int, Numbers] = {
    450: (11, 0),
    455: (11, 1),
    460: (11, 2),
    465: (11, 3),
    470: (11, 4),
    495: (11, 5),
    510: (11, 6),
    515: (11, 7),
    520: (11, 8),
    525: (12, 0),
    530: (12, 1),
    535: (12, 2),
    545: (12, 3),
    550: (12, 4),
    555: (12, 5),
    560: (12, 6),
    565: (12, 7),
    570: (12, 8),
    575: (12, 9),
    580: (13, 0),
    590: (13, 1),
    595: (13, 2),
    610: (13, 3),
    615: (13, 4),
}
NEWEST_BRANCH = max(BRANCH_CUDA)
NEWEST_CUDA = Version((13, 5))  # [V] The driver that goes with it was not found.


class Architecture(NamedTuple):
    """One compute capability."""

    name: str
    first_toolkit: Numbers
    last_toolkit_major: int | None = None  # None: no toolkit has dropped it yet
    last_branch: int | None = None  # None: no driver branch has dropped it yet
    tegra: bool = False  # SASS does not cross between these and the desktop parts [CPG]


# [V] for what nvcc accepts, [MTX] for the last driver branch.
ARCHITECTURES: dict[Numbers, Architecture] = {
    (3, 5): Architecture("Kepler", (6, 0), 11, 470),
    (3, 7): Architecture("Kepler", (6, 5), 11, 470),
    (5, 0): Architecture("Maxwell", (6, 5), 12, 580),
    (5, 2): Architecture("Maxwell", (6, 5), 12, 580),
    (5, 3): Architecture("Maxwell", (6, 5), 12, 580, tegra=True),
    (6, 0): Architecture("Pascal", (8, 0), 12, 580),
    (6, 1): Architecture("Pascal", (8, 0), 12, 580),
    (6, 2): Architecture("Pascal", (8, 0), 12, 580, tegra=True),
    (7, 0): Architecture("Volta", (9, 0), 12, 580),
    (7, 2): Architecture("Volta", (9, 0), 12, 580, tegra=True),
    (7, 5): Architecture("Turing", (10, 0)),
    (8, 0): Architecture("Ampere", (11, 0)),
    (8, 6): Architecture("Ampere", (11, 1)),
    (8, 7): Architecture("Ampere", (11, 4), tegra=True),  # first toolkit [PTX]: sm_87 came with ISA 7.4
    # Whose chip this is was never said; nvlink of 13.0 and 13.1 lets no SASS cross to or from it, so none is promised.
    (8, 8): Architecture("Ampere", (13, 0), tegra=True),
    (8, 9): Architecture("Ada", (11, 8)),
    (9, 0): Architecture("Hopper", (11, 8)),
    (10, 0): Architecture("Blackwell", (12, 8)),
    # The name that CUDA 12.8 and 12.9 gave to 11.0.
    (10, 1): Architecture("Blackwell", (12, 8), 12, tegra=True),
    (10, 3): Architecture("Blackwell", (12, 9)),
    (10, 7): Architecture("Rubin", (13, 4)),
    (11, 0): Architecture("Blackwell", (13, 0), tegra=True),
    (12, 0): Architecture("Blackwell", (12, 8)),
    (12, 1): Architecture("Blackwell", (12, 9)),
}

# An f target runs on its family. [CPG]
FAMILIES: dict[Numbers, tuple[Numbers, ...]] = {
    (10, 0): ((10, 0), (10, 3), (10, 7)),
    (10, 1): ((10, 1),),
    (10, 3): ((10, 3), (10, 7)),
    (10, 7): ((10, 7),),
    (11, 0): ((11, 0),),
    (12, 0): ((12, 0), (12, 1)),
    (12, 1): ((12, 1),),
}

# The PTX ISA a toolkit writes, and the newest one a driver of that CUDA version reads: 11.y → 7.y, 12.y → 8.y and
# 13.y → 9.y, but 12.6 brought no new one. [V; 12.7, which was never public, PTX]
PTX_ISA_EXCEPTIONS: dict[Numbers, Numbers] = {
    (12, 6): (8, 5),
    (12, 7): (8, 6),
    (12, 8): (8, 7),
    (12, 9): (8, 8),
}

# Open kernel modules need Turing or newer; these need the open ones. [KM]
OPEN_MODULES_FROM: Numbers = (7, 5)
OPEN_MODULES_ONLY_FROM: Numbers = (10, 0)

# From 12.8 on nvcc compresses device code for size; older drivers may refuse it (error 200). [Inf]
COMPRESSED_FOR_SIZE_FROM = Version((12, 8))

# The oldest compute capability in ggml's own build lists (50-virtual). [Inf]
WHISPER_FIRST_COMPUTE_CAPABILITY = Version((5, 0))

# ggml's code for these needs a newer toolkit than nvcc does: from compute capability 9.0 on it calls
# cudaGridDependencySynchronize, which the headers of CUDA 11.8 lack and those of 12.0 have (ggml-org/llama.cpp#26591,
# since whisper.cpp 1.8.5). [V] 10.0 and later need CUDA 12.8 anyway.
GGML_FIRST_TOOLKIT: dict[Numbers, Numbers] = {(9, 0): (12, 0)}

# What the runtime prints for the failures that a verdict foresees. [V]
CUDA_ERRORS: dict[int, str] = {
    35: "CUDA driver version is insufficient for CUDA runtime version",
    100: "no CUDA-capable device is detected",
    200: "device kernel image is invalid",
    209: "no kernel image is available for execution on the device",
    222: "the provided PTX was compiled with an unsupported toolchain.",
    802: "system not yet initialized",
    803: "system has unsupported display driver / cuda driver combination",
    804: "forward compatibility was attempted on non supported HW",
    999: "unknown error",
}


class BaseImage(NamedTuple):
    """A published ``nvidia/cuda`` version and the Ubuntu it stands on."""

    cuda: str
    ubuntu: str

    @property
    def build(self) -> str:
        return f"nvidia/cuda:{self.cuda}-devel-ubuntu{self.ubuntu}"

    @property
    def runtime(self) -> str:
        """The same system, without the many libraries and the compat package of NVIDIA's own runtime images."""
        return f"ubuntu:{self.ubuntu}"


# One published patch release of each toolkit, newest first. [V: each tag is the base image of public Dockerfiles,
# looked up 2026-11; 13.4 was seen on Ubuntu 24.04 only. Older ones than 11.7 exist on Ubuntu 20.04 only, whose
# compiler and CMake are too old for whisper.cpp.]
BASE_IMAGES: tuple[BaseImage, ...] = (
    BaseImage("13.4.1", "24.04"),
    BaseImage("13.3.1", "22.04"),
    BaseImage("13.2.1", "22.04"),
    BaseImage("13.1.1", "22.04"),
    BaseImage("13.0.2", "22.04"),
    BaseImage("12.9.1", "22.04"),
    BaseImage("12.8.1", "22.04"),
    BaseImage("12.6.3", "22.04"),
    BaseImage("12.5.1", "22.04"),
    BaseImage("12.4.1", "22.04"),
    BaseImage("12.3.2", "22.04"),
    BaseImage("12.2.2", "22.04"),
    BaseImage("12.1.1", "22.04"),
    BaseImage("12.0.1", "22.04"),
    BaseImage("11.8.0", "22.04"),
    BaseImage("11.7.1", "22.04"),
)


def ptx_isa(cuda: Numbers) -> Version:
    """The PTX ISA of a CUDA version (major.minor); majors beyond the tables go on in the same way. [Inf]"""
    return Version(PTX_ISA_EXCEPTIONS.get(cuda, (cuda[0] - 4, cuda[1])))


def cuda_major_of_isa(isa: Numbers) -> int:
    return isa[0] + 4


def branch_cuda(branch: int) -> Version | None:
    """What a driver branch reports; a branch between two rows counts as the older one, one below them is unknown."""
    known = [number for number in BRANCH_CUDA if number <= branch]
    return Version(BRANCH_CUDA[max(known)]) if known else None


LAST_BRANCH_BEFORE_TURING = 580  # [MTX]


def architecture_name(compute_capability: Numbers) -> str | None:
    """``(6, 1)`` -> ``pascal``. One that is not in the tables has the name of the oldest of its major version."""
    fellows = (ARCHITECTURES[known] for known in sorted(ARCHITECTURES) if known[0] == compute_capability[0])
    row = ARCHITECTURES.get(compute_capability) or next(fellows, None)
    return row.name.lower() if row else None


def last_branch_of(architecture: str | None) -> int | None:
    """By the architecture's name, where a chip's compute capability is not known."""
    wanted = (architecture or "").lower()
    branches = [row.last_branch for row in ARCHITECTURES.values() if row.name.lower() == wanted and row.last_branch]
    return max(branches) if branches else None


def toolkit_compiles(cuda: Numbers, compute_capability: Numbers) -> bool:
    architecture = ARCHITECTURES.get(compute_capability)
    if architecture is None or cuda[:2] < architecture.first_toolkit:
        return False
    return architecture.last_toolkit_major is None or cuda[0] <= architecture.last_toolkit_major


def toolkit_compiles_ggml(cuda: Numbers, compute_capability: Numbers) -> bool:
    first = GGML_FIRST_TOOLKIT.get(compute_capability)
    return toolkit_compiles(cuda, compute_capability) and (first is None or cuda[:2] >= first)


def first_driver(compute_capability: Numbers) -> str | None:
    """The oldest driver that knows the chip: the one that came with the first toolkit for it. [Inf]"""
    architecture = ARCHITECTURES.get(compute_capability)
    if architecture is None or architecture.tegra:
        return None
    return TOOLKIT_DRIVERS.get(architecture.first_toolkit)


def kernel_module_flavours(compute_capability: Numbers) -> tuple[str, ...]:
    """Which kernel modules drive the chip. [KM] Grace Hopper also needs the open ones; its 9.0 does not show it."""
    if compute_capability < OPEN_MODULES_FROM:
        return ("proprietary",)
    if compute_capability >= OPEN_MODULES_ONLY_FROM:
        return ("open",)
    return ("proprietary", "open")
