# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any, Callable

NEEDED = ("node /dev/nvidiactl", "library libcuda.so.1", "library libnvidia-ml.so.1")
# A container may have any of the host's GPUs.
GPU_NODE = re.compile(r"node /dev/nvidia[0-9]")


def missing_gpu_access(output: str | None) -> list[str]:
    """What a container lacks of all that CUDA needs, from a list of the nodes and libraries that it has."""
    lines = (output or "").splitlines()
    missing = [needed for needed in NEEDED if needed not in lines]
    return missing if any(GPU_NODE.match(line) for line in lines) else [*missing, "node /dev/nvidia0"]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"missing_gpu_access": missing_gpu_access}
