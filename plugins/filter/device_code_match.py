# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any, Callable, Iterable, Mapping

# ggml compiles 120 and 121 as 120a and 121a.
WITH_FEATURES = re.compile(r"^(12\d)a$")


def device_code_match(code: Mapping[str, Any], architectures: str | None) -> dict[str, Any]:
    """Whether a built image carries SASS for exactly the planned architectures, in all of its CUDA code, and no PTX.

    ``code`` is the result of whisperops.gpu.cuda_image_info; ``architectures`` is CMAKE_CUDA_ARCHITECTURES, such as
    ``61-real;90-real``.
    """
    planned = sorted(target.removesuffix("-real") for target in (architectures or "").split(";"))
    carried = [_without_features(code["sass"]), _without_features(code["complete"])]
    return {"planned": planned, "matches": code["ptx"] == [] and carried == [planned, planned]}


def _without_features(targets: Iterable[str]) -> list[str]:
    return sorted(WITH_FEATURES.sub(r"\1", target) for target in targets)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"device_code_match": device_code_match}
