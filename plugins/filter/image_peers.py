# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._variables.check import nearest


def image_peers(
    hosts: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]], wanted: str, build_host: str = ""
) -> dict[str, Any]:
    """The hosts of a play that need the same locally built image, who builds it, and who gives it to the others.

    Each host says what it needs in the fact ``whisper_image_wanted``, and what it has in ``whisper_image_layers``.
    Where ``build_host`` names a host, no other one builds, and no other one gives.
    """
    if build_host and build_host not in hostvars:
        near = nearest(build_host, hostvars)
        advice = f"Did you mean {near}?" if near else "No name in the inventory is like it."
        raise AnsibleFilterError(
            f"build_host_unknown: whisper_image_build_host is {build_host}, and the inventory has no host of that name."
            f" {advice}"
        )
    needing = [host for host in hosts if host in hostvars and hostvars[host].get("whisper_image_wanted") == wanted]
    having = [host for host in needing if hostvars[host].get("whisper_image_layers")]
    giving = [host for host in having if build_host in ("", host)]
    return {
        "all": needing,
        "with_image": having,
        "build_host": build_host or next(iter(having + needing), None),
        "source": next(iter(giving), None),
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"image_peers": image_peers}
