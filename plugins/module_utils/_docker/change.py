# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One change of daemon.json, from the first look to the engine that runs with it, or with the old one again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, NamedTuple, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._docker import daemon_config
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.command_line import (
    refuse_conflicts,
    refuse_lost_default,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.daemon_config import DaemonConfigError
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.daemon_file import DaemonFile
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.engine_service import EngineService
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.undo import Undo, there, undo
from ansible_collections.whisperops.gpu.plugins.module_utils._system.passwords import hidden


class Request(NamedTuple):
    """The module's options of the same names."""

    settings: Mapping[str, Any]
    absent: Sequence[Sequence[str]] = ()
    keep: Sequence[Sequence[str]] = ()
    keep_file: bool = False


@dataclass
class Change:
    before: str | None
    after: str | None
    keys: list[str] = field(default_factory=list)
    undo: Undo = field(default_factory=lambda: Undo({}, []))
    validated: bool = False
    backup: str | None = None
    # none, reload or restart: what was done to the engine, or in check mode would be.
    applied: str = "none"

    @property
    def changed(self) -> bool:
        return bool(self.keys)

    def diff(self, path: str) -> dict[str, str]:
        return {
            "before_header": path,
            "after_header": path,
            "before": hidden(self.before or ""),
            "after": hidden(self.after or ""),
        }


def plan(file: DaemonFile, service: EngineService, request: Request) -> Change:
    """What would change. Refuses what could not be done, and changes nothing."""
    before = file.read()
    existing = daemon_config.members(before or "", file.path)
    given = service.command_line()
    kept = [
        way for way in request.keep if there(existing, way) or (way[0] == "runtimes" and given.runtimes & set(way[1:]))
    ]
    settings = daemon_config.without_kept(request.settings, kept)
    after: str | None = daemon_config.merged(before or "", settings, request.absent, file.path)
    wanted = daemon_config.members(after or "", file.path)
    keys = daemon_config.changed_keys(existing, wanted)
    if not keys:
        return Change(before, before)
    if not wanted and not request.keep_file:
        # Nothing is left to say: the file was there for what is taken out now.
        after = None
    refuse_conflicts(wanted, given, file.path)
    refuse_lost_default(existing, wanted, given, file.path)
    validated = after is not None and service.validate(file.encoded(after))
    if file.marked and after is not None and not validated:
        raise DaemonConfigError(
            f"daemon_config_malformed: {file.path} begins with a byte order mark, which engines before 23.0 do not"
            " read. It is left as it is. Save it as UTF-8 without one."
        )
    file.check_writable()
    return Change(before, after, keys, undo(existing, settings, request.absent), validated)


def way_to_apply(change: Change, service: EngineService) -> str:
    """An engine that does not run reads the file when it starts."""
    if not (change.changed and service.runs()):
        return "none"
    service.refuse_unmanaged()
    return "restart" if daemon_config.needs_restart(change.keys) else "reload"


def carry_out(change: Change, file: DaemonFile, service: EngineService, backup: bool) -> None:
    if backup:
        change.backup = file.back_up()
    try:
        file.replace(change.after)
    except DaemonConfigError:
        file.drop(change.backup)
        raise
    if change.applied == "none":
        return
    settings = daemon_config.members(change.after or "", file.path)
    if change.applied == "reload" and service.reload(settings):
        return
    change.applied = "restart"
    if service.restart():
        return
    said = service.last_words()
    file.replace(change.before)
    file.drop(change.backup)
    if service.restart():
        raise DaemonConfigError(
            f"daemon_config_rolled_back: the engine did not come up with the new {file.path}; it runs with the old one"
            f" again. It said: {said}. Correct the settings."
        )
    raise DaemonConfigError(
        f"daemon_config_rolled_back: the engine did not come up with the new {file.path}. The old one is back, and it"
        f" does not come up with that either. It said: {said}. Look at `journalctl --unit docker`."
    )
