# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove the images of this collection, and leave those that a container of somebody else was created from."""

from __future__ import annotations

import http.client
from typing import Callable, NamedTuple, Optional, Sequence
from urllib.parse import quote

from ansible_collections.whisperops.gpu.plugins.module_utils._docker.content import Content, own_names, users
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.client import Engine, error_text

# Returns why the image stays, None where it is gone.
Delete = Callable[[str], Optional[str]]


class Removal(NamedTuple):
    removed: list[str]
    # Each with the reason, as `NAME (REASON)`.
    left: list[str]


def deleter(engine: Engine) -> Delete:
    def delete(name: str) -> str | None:
        with engine.request("DELETE", f"/images/{quote(name, safe='/:@')}") as response:
            # Not forced: what something uses that no list of containers shows is a conflict.
            if response.status == http.client.CONFLICT:
                return error_text(response)
            if response.status not in (http.client.OK, http.client.NOT_FOUND):
                engine.refuse(f"remove the image {name}", response)
        return None

    return delete


def remove(content: Content, recorded: Sequence[str], delete: Delete, test: bool) -> Removal:
    removed, left = [], []
    for image in content.images:
        names = own_names(image, recorded)
        used = users(image, content.containers)
        for name in names:
            reason = f"used by container {', '.join(sorted(used))}" if used else None if test else delete(name)
            if reason is None:
                removed.append(name)
            else:
                left.append(f"{name} ({reason})")
    return Removal(sorted(removed), sorted(left))
