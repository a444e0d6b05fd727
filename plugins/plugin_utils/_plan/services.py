# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes of what stands next to the servers: API, gateway, its agents on the servers' hosts, exporters.

Each list is decided like that of the servers: from what the host is and what it should be, before anything is made.
"""

from __future__ import annotations

import re
from typing import Any, Iterable, Iterator, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._host.services import API_IDENTITY, ENABLED, HAPROXY_CONFIG
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.change import CHECK, Change

API, GATEWAY, METRICS = "whisper_api", "whisper_gateway", "gpu_metrics"
AGENT = "whisper-proof-agent.socket"
# HAProxy takes a new configuration by a reload, with which running requests end, so a gateway interrupts nothing.
_EXPORTER = "the GPU exporter"
_OUTDATED = re.compile(r"/etc/whisper/gateway/(keys-[0-9a-f]{16}\.map|tls-[0-9a-f]{16}\.pem|refuse-[0-9a-f]{16}\.lua)")


class Host:
    """What whisper_host_info has seen of it."""

    def __init__(self, observed: Mapping[str, Any]) -> None:
        services = observed["services"]
        self.packages: Mapping[str, str] | None = services["packages"]
        self.units: Mapping[str, str] = services["units"]
        self.files: Mapping[str, str] = services["files"]
        self.programs: Iterable[str] = services["programs"]
        self.gateway: Mapping[str, Any] | None = services["gateway"]

    def missing(self, packages: Iterable[str]) -> list[str]:
        """Where no package manager can be asked, none is known to be missing: the role fails with a text of its own."""
        return [] if self.packages is None else [name for name in packages if name not in self.packages]

    def differing(self, files: Mapping[str, str]) -> list[str]:
        """``files``: path → SHA-256 of the content that each should have; empty where any content will do."""
        wanted = {path: f"sha256:{digest}" if digest else self.files.get(path) for path, digest in files.items()}
        return [path for path, digest in wanted.items() if digest is None or self.files.get(path) != digest]

    def started(self, role: str, unit: str) -> Iterator[Change]:
        """A unit that is there, and should run."""
        state = self.units.get(unit)
        if state is not None and state != "active":
            yield Change(role, "start", unit, state, "active", "it does not run")
        elif state is not None and ENABLED[unit] not in self.files:
            yield Change(role, "start", unit, "disabled", "enabled", "it would not start with the host")


def gateway_changes(observed: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Change]:
    """
    :param wanted: ``packages``; ``files``, ``keys`` and ``certificate`` (each path → SHA-256, empty where any content
        will do); ``tls``, ``listen``, ``servers`` (name → address), ``clients`` (names), and ``unknown``: hosts of
        which nobody knows yet what they serve.
    """
    if "services" not in observed:
        return [Change(GATEWAY, CHECK, "the gateway", None, None, "the host did not answer")]
    host = Host(observed)
    missing = host.missing(wanted["packages"])
    found = [Change(GATEWAY, "install", name, None, None, "it is not installed") for name in missing]
    found += [
        Change(GATEWAY, CHECK, f"the servers of {name}", None, None, "what it serves is not known yet")
        for name in wanted["unknown"]
    ]
    there = host.gateway or {"listen": None, "servers": {}, "clients": []}
    # Without the servers of a host the configuration cannot be compared.
    if not wanted["unknown"]:
        found += _servers(there["servers"], wanted["servers"])
    found += _clients(host, there["clients"], wanted)
    found += _certificate(host, wanted)
    found += _configuration(host, there["listen"], wanted)
    if "haproxy" not in missing:
        found += host.started(GATEWAY, "haproxy.service")
    return found or list(_left(host, wanted))


def _servers(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for name in [*after, *(name for name in before if name not in after)]:
        old, new = before.get(name), after.get(name)
        if old is None:
            yield Change(GATEWAY, "add", f"server {name}", None, new, "a host behind the gateway has it")
        elif new is None:
            yield Change(GATEWAY, "remove", f"server {name}", old, None, "no host behind the gateway has it")
        elif old != new:
            yield Change(GATEWAY, "configure", f"server {name}", old, new, "its host has it there now")


def _clients(host: Host, before: Iterable[str], wanted: Mapping[str, Any]) -> Iterator[Change]:
    """By their names: of a key nothing is shown."""
    old, new = (", ".join(clients) or "none" for clients in (before, wanted["clients"]))
    if old != new:
        yield Change(GATEWAY, "configure", "the API keys", old, new, "whisper_gateway_api_keys")
    elif host.differing(wanted["keys"]):
        yield Change(GATEWAY, "configure", "the API keys", None, None, "a key differs")


def _certificate(host: Host, wanted: Mapping[str, Any]) -> Iterator[Change]:
    if host.differing(wanted["certificate"]):
        tls = wanted["tls"]
        action = "create" if tls == "self_signed" else "configure"
        yield Change(GATEWAY, action, "the certificate", None, tls, "the gateway has no such certificate")


def _configuration(host: Host, listens: str | None, wanted: Mapping[str, Any]) -> Iterator[Change]:
    if wanted["unknown"] or not host.differing(wanted["files"]):
        return
    if host.gateway is None:
        why = "HAProxy has another configuration" if HAPROXY_CONFIG in host.files else "HAProxy has none"
    else:
        why = "the configuration differs from the one that HAProxy has loaded"
    moved = listens != wanted["listen"]
    yield Change(GATEWAY, "configure", "HAProxy", listens if moved else None, wanted["listen"] if moved else None, why)


def _left(host: Host, wanted: Mapping[str, Any]) -> Iterator[Change]:
    """Of a configuration that HAProxy refused; a change of the configuration removes them anyway."""
    used = {*wanted["files"], *wanted["keys"], *wanted["certificate"]}
    left = [path for path in host.files if _OUTDATED.fullmatch(path) and path not in used]
    if left:
        why = f"{len(left)} of another configuration"
        yield Change(GATEWAY, "remove", "outdated files of the gateway", None, None, why)


def agent_changes(observed: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Change]:
    """:param wanted: ``files`` (path → SHA-256) and ``listen``, the address of the agent."""
    host = Host(observed)
    differing = host.differing(wanted["files"])
    if not differing:
        return list(host.started(GATEWAY, AGENT))
    if set(differing) == set(wanted["files"]):
        return [Change(GATEWAY, "install", "the proof agent", None, wanted["listen"], "a gateway asks it")]
    names = ", ".join(path.rpartition("/")[2] for path in differing)
    return [Change(GATEWAY, "configure", "the proof agent", None, wanted["listen"], f"other than planned: {names}")]


def api_changes(observed: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Change]:
    """:param wanted: ``packages``; ``files`` (path → SHA-256); ``units``, those that run; ``listen``, its address."""
    if "services" not in observed:
        return [Change(API, CHECK, "the API", None, None, "the host did not answer")]
    host = Host(observed)
    found = [
        Change(API, "install", name, None, None, "it is not installed") for name in host.missing(wanted["packages"])
    ]
    differing = host.differing(wanted["files"])
    if set(differing) == set(wanted["files"]):
        return [*found, Change(API, "install", "the API", None, wanted["listen"], "whisper_api_enabled")]
    # What the service was started with differs whenever one of them does.
    names = ", ".join(path.rpartition("/")[2] for path in differing if path != API_IDENTITY)
    if differing:
        why = f"other than planned: {names}" if names else "it runs with other settings"
        return [*found, Change(API, "configure", "the API", None, wanted["listen"], why)]
    return [*found, *(change for unit in wanted["units"] for change in host.started(API, unit))]


def exporter_changes(observed: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Change]:
    """
    :param wanted: ``packages``; ``files`` (path → SHA-256) of units and host metrics program; ``units``, those
        that run; ``program``, the path of the GPU exporter, or empty, and ``url``, where it comes from, as it is shown.
    """
    host = Host(observed)
    found = [
        Change(METRICS, "install", name, None, None, "it is not installed") for name in host.missing(wanted["packages"])
    ]
    if wanted["program"] and wanted["program"] not in host.programs:
        found.append(Change(METRICS, "download", _EXPORTER, None, wanted["url"], "it is not on the host"))
    differing = host.differing(wanted["files"])
    for path in differing:
        action, why = ("configure", "it differs") if path in host.files else ("create", "it is not on the host")
        found.append(Change(METRICS, action, path.rpartition("/")[2], None, None, why))
    names = {path.rpartition("/")[2] for path in differing}
    for unit in wanted["units"]:
        if unit not in names:
            found += host.started(METRICS, unit)
    return found
