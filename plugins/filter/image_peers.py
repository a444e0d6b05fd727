# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence


def image_peers(hosts: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]], wanted: str) -> dict[str, list[str]]:
    """The hosts of a play that need the same locally built image, and those of them that have it.

    Each host says what it needs in the fact ``whisper_image_wanted``, and what it has in ``whisper_image_layers``.
    """
    needing = [host for host in hosts if host in hostvars and hostvars[host].get("whisper_image_wanted") == wanted]
    return {"all": needing, "with_image": [host for host in needing if hostvars[host].get("whisper_image_layers")]}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"image_peers": image_peers}
