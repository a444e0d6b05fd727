# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a host is and what it should be to the list of changes: what, from, to, why, and what it interrupts.

A change that can be foreseen is in the list as it will be made. Where only a role of this collection can tell whether
something is left to do - it has never been applied, it was told something else, or the host has changed since - the
list has a ``check``: the role runs, and changes the host only where it must.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Iterable, Iterator, Mapping, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import Version
from ansible_collections.whisperops.gpu.plugins.module_utils._host import firewall
from ansible_collections.whisperops.gpu.plugins.module_utils._host.packages import TOOLKIT
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.applied import Applied, applied
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.change import CHECK, Change
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.drift import drift
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.firewall import planned_rules
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.inputs import ROLES, role_of
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.model_files import (
    ModelFile,
    has_several,
    model_files,
    models_of,
    plan_of,
)
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.server_command import server_command
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.server_limits import server_limits

# Of the plan, what a role acts on. Its words (reasons, warnings) change nothing.
PLAN_PARTS = {
    "runtime": "docker_engine",
    "image": "whisper_image",
    "origin": "whisper_image",
    "cmake_cuda_architectures": "whisper_image",
    "build": "whisper_image",
    "gpus": "whisper_image",
    "verdict": "whisper_server",
    "environment": "whisper_server",
    "model": "whisper_server",
    "servers": "whisper_server",
    "threads": "whisper_server",
}
# What may be set without a server being started anew.
_KEEPS_SERVERS = frozenset(
    {
        "whisper_server_log_dir",
        # A server says by a label which model it has.
        "whisper_server_model_files",
        "whisper_server_ready_seconds",
        "whisper_server_sources",
    }
)
# What role docker_engine installs next to Docker Engine.
_NEEDED = {
    "python3-requests": "Ansible's modules for Docker need it",
    "nftables": "the firewall of the servers needs it",
}
_LONGEST_SHOWN = 60


def deployment_changes(host: Mapping[str, Any], plan: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Change]:
    """The list, in the order of the roles.

    :param host: the result of whisper_host_info.
    :param plan: the result of deployment_plan.
    :param wanted: ``inputs`` (see inputs.py), and ``options``: every variable of the roles with its value.
    :raises PlanInputError: a variable has a value by which no server would be as it is told to be.
    """
    files = model_files(plan, wanted["options"])
    # Before anything is done, also in check mode, and where no server is to be replaced.
    for model, file in zip(models_of(plan), files):
        server_command(plan_of(plan, model), wanted["options"], file.file)
    return _Changes(host, plan, wanted, files).all()


class _Changes:
    def __init__(
        self, host: Mapping[str, Any], plan: Mapping[str, Any], wanted: Mapping[str, Any], files: Iterable[ModelFile]
    ) -> None:
        self.host = host
        self.plan = plan
        self.inputs = wanted["inputs"]
        self.options = wanted["options"]
        self.model_files = [one.file for one in files]
        self.applied = applied(host.get("applied"))
        listed = has_several(plan) or self.options.get("whisper_server_model_files")
        self.models = {one.model: one.label for one in files} if listed else {}

    def all(self) -> list[Change]:
        foreseen = [*self._engine(), *self._toolkit(), *self._image()]
        foreseen += [*self._firewall(), *self._servers(), *self._proof()]
        told = list(self._told(foreseen))
        known = {(change.role, change.what) for change in foreseen + told}
        seen = [one for one in self._seen() if (one.role, one.what) not in known and not self._explained(one, foreseen)]
        found = foreseen + told + seen
        return sorted(found, key=lambda change: ROLES.index(change.role))

    def _uses(self, role: str) -> bool:
        return role != "nvidia_container_toolkit" or self.plan["runtime"] == "cuda"

    def _engine(self) -> Iterator[Change]:
        engine = self.host["engine"]
        if not engine["installed"]:
            source = f"from {self.options['docker_engine_source']}"
            yield Change(ROLES[0], "install", "Docker Engine", None, source, "none is installed")
        elif engine["version"] is None and not self.host["unseen"]:
            yield Change(ROLES[0], "start", "Docker Engine", "stopped", "running", "it does not run")
        for name, why in _NEEDED.items():
            if self.host["packages"] is not None and name not in self.host["packages"]:
                yield Change(ROLES[0], "install", name, None, None, why)

    def _toolkit(self) -> Iterator[Change]:
        role = ROLES[1]
        if not self._uses(role) or self.options["nvidia_container_toolkit_source"] == "none":
            return
        version = str(self.options["nvidia_container_toolkit_version"])
        for name in TOOLKIT:
            package = (self.host["packages"] or {}).get(name)
            seen = package["version"].partition("-")[0] if package else None
            if seen != version:
                action = "install" if seen is None else "upgrade" if _older(seen, version) else "downgrade"
                yield Change(role, action, name, seen, version, "nvidia_container_toolkit_version")

    def _image(self) -> Iterator[Change]:
        role, image = ROLES[2], str(self.plan.get("image"))
        if self.plan["origin"] == "official":
            if image not in self.host["images"]:
                yield Change(role, "pull", "the official image", None, image, "it is not on the host")
            elif self.options["whisper_image_pull"] == "always":
                yield Change(role, CHECK, "the official image", image, None, "whisper_image_pull is always")
            return
        there = self.applied.image if self.applied and self.applied.plan.get("image") == image else None
        if there is None or there not in self.host["images"]:
            why = "there is none for this host" if there is None else f"{there} is not on the host any more"
            yield Change(role, "build", "a local image", None, image, f"{why}; a peer that has it gives it")

    def _firewall(self) -> Iterator[Change]:
        rules = planned_rules(self.plan, self.options).encode()
        there = self.host["files"].get(firewall.RULES)
        if there != "sha256:" + hashlib.sha256(rules).hexdigest():
            sources = ", ".join(map(str, self.options["whisper_server_sources"] or [])) or "all sources"
            why = "the host has none" if there is None else "the ports, the listen address or the sources differ"
            yield Change(ROLES[3], "configure", "the firewall of the servers", None, sources, why)
        elif self.host["firewall"] == firewall.MISSING:
            yield Change(ROLES[3], "start", firewall.UNIT, None, "loaded", f"the table {firewall.TABLE} is gone")

    def _servers(self) -> Iterator[Change]:
        role, name = ROLES[3], str(self.options["whisper_server_name"])
        models = len(models_of(self.plan))
        for number, file in enumerate(self.model_files):
            what = "the model" if number < models else "the model for voice activity detection"
            if file not in self.host["models"]:
                yield Change(role, "download", what, None, file, "it is not on the host")
        own = re.compile(re.escape(name) + r"-\d+(-previous)?")
        there = {one["name"]: one for one in self.host["servers"] if own.fullmatch(one["name"] or "")}
        for index, planned in enumerate(self.plan["servers"]):
            container, limits = f"{name}-{index}", self._limits(planned)
            where = f"{planned['gpu'] or 'CPU'}, port {planned['port']}"
            server = there.pop(container, None)
            if f"{container}-previous" in there:
                there.pop(f"{container}-previous")
                yield self._replace(container, "interrupted run", where, "an earlier run did not end")
            elif server is None:
                yield Change(role, "create", container, None, where, "the plan has it")
            elif self.models and server.get("model") != self.models[_model(self.plan, planned)]:
                label = self.models[_model(self.plan, planned)]
                yield self._replace(container, _short(server.get("model")), _short(label), "its model is another")
            elif limits and server.get("limits") != limits:
                why = "its limits are others" if server.get("limits") else "it was created without limits"
                yield self._replace(container, server.get("limits"), limits, why)
            elif server["state"] not in ("running", "unloaded"):
                yield Change(role, "start", container, server["state"], "running", "it does not run")
        for surplus in sorted(there):
            yield Change(role, "remove", surplus, there[surplus]["state"], None, "the plan has it no more", (surplus,))

    def _replace(self, server: str, before: str | None, after: str | None, why: str) -> Change:
        seconds = int(self.options["whisper_server_ready_seconds"])
        return Change(ROLES[3], "replace", server, before, after, why, (server,), seconds)

    def _limits(self, server: Mapping[str, Any]) -> str | None:
        """What the server is created with; None where no engine says what it can limit."""
        engine = self.host["engine"].get("limits")
        plan = plan_of(self.plan, _model(self.plan, server))
        return server_limits(plan, self.options, engine).label if engine else None

    def _proof(self) -> Iterator[Change]:
        role, unit = ROLES[4], "whisper-proof.timer"
        wanted, active = self.options["whisper_proof_timer"] is True, self.host["units"].get(unit) == "active"
        if wanted and not active:
            yield Change(role, "configure", unit, None, "active", "whisper_proof_timer")
        elif active and not wanted:
            yield Change(role, "remove", unit, "active", None, "whisper_proof_timer")

    def _told(self, foreseen: Sequence[Change]) -> Iterator[Change]:
        """What is said otherwise now than when the roles were applied."""
        if self.applied is None:
            yield from self._whole("no completed run is recorded on the host", foreseen)
            return
        if self.inputs["collection"] != self.applied.collection:
            yield from self._whole("it was applied by another version of the collection", foreseen)
        of_servers = []
        for what, role, before, after in self._differences(self.applied):
            if role == ROLES[3] and what not in _KEEPS_SERVERS:
                of_servers.append((what, before, after))
            else:
                yield Change(role, CHECK, what, before, after, "it is set otherwise than at the last run")
        named = {change.what for change in foreseen}
        if of_servers:
            yield from self._replaced(of_servers, named)
        elif self._several(self.applied):
            yield from self._moved(self.applied, named)

    def _several(self, before: Applied) -> bool:
        return has_several(before.plan) or has_several(self.plan)

    def _moved(self, before: Applied, named: set[str]) -> Iterator[Change]:
        """Of several models, each server that has another model, GPU or port; the others are left alone."""
        old, new = before.plan.get("servers") or (), self.plan["servers"]
        for index, (was, will) in enumerate(zip(_seats(before.plan, old), _seats(self.plan, new))):
            server = f"{self.options['whisper_server_name']}-{index}"
            if was != will and server not in named:
                yield self._replace(server, was, will, "plan: servers")
        if old != new:
            # The file of endpoints says which model each has.
            yield Change(ROLES[3], CHECK, "plan: servers", None, None, "models")

    def _whole(self, why: str, foreseen: Iterable[Change]) -> Iterator[Change]:
        """Every role, but for those that run anyway."""
        named = {change.role for change in foreseen}
        for role in ROLES:
            if self._uses(role) and role not in named:
                yield Change(role, CHECK, f"role {role}", None, None, why)

    def _replaced(self, told: Sequence[tuple[str, str | None, str | None]], named: set[str]) -> Iterator[Change]:
        """Each server once, with all that is told otherwise."""
        name = self.options["whisper_server_name"]
        (why, before, after), *more = told
        if more:
            why = ", ".join(f"{what}: {_or_unset(old)} -> {_or_unset(new)}" for what, old, new in told)
            before = after = None
        for index in range(len(self.plan["servers"])):
            server = f"{name}-{index}"
            if server not in named:
                yield self._replace(server, before, after, why)

    def _differences(self, before: Applied) -> Iterator[tuple[str, str, str | None, str | None]]:
        options = self.inputs["options"]
        for name in sorted({*options, *before.options}):
            old, new = before.options.get(name), options.get(name)
            if (old or {}).get("digest") != (new or {}).get("digest"):
                # What is no role's own is the engine's proxies.
                yield name, role_of(name) or ROLES[0], _said(old), _said(new)
        for part, role in PLAN_PARTS.items():
            if part in ("model", "servers") and self._several(before):
                continue
            if part == "threads" and self.options["whisper_server_threads"]:
                continue
            if before.plan.get(part) != self.plan.get(part):
                yield f"plan: {part}", role, _shown(part, before.plan.get(part)), _shown(part, self.plan.get(part))

    def _seen(self) -> Iterator[Change]:
        """What of the host is otherwise than when the last run ended."""
        if self.applied is not None:
            yield from drift(self.applied, self.host, self.plan, self.model_files)

    @staticmethod
    def _explained(change: Change, foreseen: Iterable[Change]) -> bool:
        """An engine that is gone takes its images and servers along."""
        return any(one.role == change.role and one.action != CHECK for one in foreseen)


def _older(seen: str, wanted: str) -> bool:
    return Version.leading(seen) < Version.leading(wanted)


def _said(described: Any) -> str | None:
    return None if described is None else str(described.get("shown"))


def _or_unset(text: str | None) -> str:
    return "unset" if text is None else text


def _model(plan: Mapping[str, Any], server: Mapping[str, Any]) -> str:
    return str(server.get("model") or plan.get("model"))


def _short(label: str | None) -> str | None:
    """File and checksum, of which the first digits tell two apart."""
    file, mark, digest = str(label or "").partition("@sha256:")
    return f"{file}{mark}{digest[:12]}" or None


def _seats(plan: Mapping[str, Any], servers: Iterable[Mapping[str, Any]]) -> list[str]:
    return [f"{_model(plan, one)} on {str(one.get('gpu') or 'CPU')[:12]}, port {one.get('port')}" for one in servers]


def _shown(part: str, value: Any) -> str:
    if part == "servers" and isinstance(value, list):
        return ", ".join(f"port {one.get('port')} on {str(one.get('gpu') or 'CPU')[:12]}" for one in value)
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def roles_to_apply(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """The roles that run: what changes the engine, its GPUs or the image may change all that stands on them."""
    roles = {str(change["role"]) for change in found}
    if roles & set(ROLES[:3]):
        return list(ROLES)
    return [role for role in ROLES[3:] if roles & set(ROLES[3 : ROLES.index(role) + 1])]
