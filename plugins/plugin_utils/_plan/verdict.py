# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A GPU, its driver, and the answer to whether something runs there."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda import tables
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.target import Target
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import Version

NATIVE = "native"
SAME_MAJOR = "same_major"
JIT = "jit"
IMPOSSIBLE = "impossible"
# Best first: a plan for several GPUs is worth its worst verdict.
VERDICTS = (NATIVE, SAME_MAJOR, JIT, IMPOSSIBLE)

BRANCH_DROPPED_GPU = "branch_dropped_gpu"
DRIVER_TOO_OLD = "driver_too_old"
DRIVER_MISSING = "driver_missing"
DRIVER_NOT_ANSWERING = "driver_not_answering"
LIBCUDA_MISSING = "libcuda_missing"
NO_CODE_FOR_GPU = "no_code_for_gpu"
PTX_TOO_NEW = "ptx_too_new"


@dataclass(frozen=True)
class Gpu:
    name: str
    target: Target

    def __str__(self) -> str:
        return f"{self.name} (compute capability {self.compute_capability})"

    @property
    def compute_capability(self) -> Version:
        return self.target.compute_capability

    @property
    def architecture(self) -> tables.Architecture | None:
        return tables.ARCHITECTURES.get(self.compute_capability)


@dataclass(frozen=True)
class Driver:
    """``version`` is the driver's own, ``cuda`` the CUDA version it reports; either may be unknown.

    ``named_branch`` is the branch where the version does not begin with it: Windows numbers 580 as 580 to 582.
    """

    version: Version | None
    text: str | None
    cuda: Version | None
    named_branch: int | None = None

    @classmethod
    def of(cls, version: str | None, cuda: str | None = None, branch: str | None = None) -> Driver:
        number = Version.parse(version) if version else None
        reported = Version.parse(cuda).minor if cuda else None
        if reported is None and number is not None:
            reported = tables.branch_cuda(number[0])
        return cls(number, version or None, reported, int(branch) if branch and branch.isdigit() else None)

    @property
    def branch(self) -> int | None:
        return self.named_branch or (self.version[0] if self.version else None)

    def __str__(self) -> str:
        if self.text and self.cuda:
            return f"driver {self.text} (CUDA {self.cuda})"
        if self.text:
            return f"driver {self.text}"
        return f"a driver that reports CUDA {self.cuda}" if self.cuda else "no driver"


@dataclass(frozen=True)
class Verdict:
    verdict: str
    code: str
    sentence: str
    remedy: str | None = None
    cuda_error: int | None = None  # what the CUDA runtime would say
    beyond_tables: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        return self.verdict != IMPOSSIBLE
