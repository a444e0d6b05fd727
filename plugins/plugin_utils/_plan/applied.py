# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the last completed run has recorded on a host: what it was told, and how the host was when it ended.

The record comes from the host, so nothing of its form is taken for granted, and nothing but this host's own deployment
depends on it.
"""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._host.deployment import FORMAT

# Parts whose entries are mappings, or lists of mappings, themselves.
_DEEP = (("options",), ("plan", "servers"), ("state", "packages"), ("state", "servers"))


class Applied(NamedTuple):
    collection: str
    options: Mapping[str, Mapping[str, Any]]
    plan: Mapping[str, Any]
    gpus: Mapping[str, Any]
    facts: Mapping[str, Any]
    state: Mapping[str, Any]

    @property
    def image(self) -> str | None:
        """The reference by which the servers were started."""
        found = self.facts.get("image_reference")
        return found if isinstance(found, str) else None


def applied(record: Any) -> Applied | None:
    """None where no run has completed, or the record is none that this version wrote."""
    if not isinstance(record, Mapping) or record.get("format") != FORMAT:
        return None
    parts = {name: record.get(name) for name in ("options", "plan", "gpus", "facts", "state")}
    if not all(isinstance(part, Mapping) for part in parts.values()) or not all(
        _of_mappings(parts, *path) for path in _DEEP
    ):
        return None
    return Applied(collection=str(record.get("collection")), **parts)  # type: ignore[arg-type]  # checked above


def _of_mappings(parts: Mapping[str, Any], part: str, key: str | None = None) -> bool:
    """Whether a mapping or a list has nothing but mappings in it; one that is not there has nothing."""
    found = parts[part] if key is None else parts[part].get(key)
    entries = list(found.values()) if isinstance(found, Mapping) else found
    return entries is None or (isinstance(entries, list) and all(isinstance(one, Mapping) for one in entries))


def recorded_facts(host: Mapping[str, Any]) -> dict[str, Any]:
    """What the roles found out at the last run and still holds; nothing where the image is another one by now."""
    before = applied(host.get("applied"))
    if before is None or before.image is None:
        return {}
    images = before.state.get("images")
    then = images.get(before.image) if isinstance(images, Mapping) else None
    return dict(before.facts) if then is not None and host["images"].get(before.image) == then else {}


def crashed_images(host: Mapping[str, Any]) -> dict[str, Any]:
    """Official images whose servers have crashed with the GPUs and the driver that the host has now."""
    gpu = host["gpu"]
    now = ([one["uuid"] for one in gpu["gpus"]], gpu["driver"]["version"])
    return {
        image: crash
        for image, crash in host["crashed_images"].items()
        if isinstance(crash, Mapping) and (crash.get("gpus"), crash.get("driver")) == now
    }
