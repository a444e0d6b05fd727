# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server's container as Docker Engine describes it, and what the server wrote. Private to this collection."""

from __future__ import annotations

import calendar
import http.client
import json
import re
import time
from typing import Any, Mapping, NamedTuple
from urllib.parse import quote, urlsplit

from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.client import (
    LARGEST_DOCUMENT,
    Engine,
    socket_path,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.ending import Ending
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError, Problem

# What stands before each piece of a log: its stream (1 output, 2 errors), three zeros and its length.
_FRAME_HEADER = 8
_LARGEST_LOG = 1024 * 1024
# More than one start and one request write.
_LAST_LINES = 400
# The server prints its first line at once. A log that begins later has lost its beginning to rotation, and might begin
# with what a client had printed.
_FIRST_LINE_SECONDS = 60
_TIMEOUT_SECONDS = 30
_MIB = 1024 * 1024
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z", re.ASCII)


# Each server's container has it.
SERVER_LABEL = "whisperops.server"
# The limits that it was created with, in words.
LIMITS_LABEL = "whisperops.limits"
# Of a server that is unloaded when nobody uses it: where the activator listens for it, and after how many minutes.
LISTEN_LABEL = "whisperops.listen"
UNLOAD_LABEL = "whisperops.unload_minutes"
# What the name of a container ends with that was set aside for a rollback.
PREVIOUS = "-previous"


class Container(NamedTuple):
    name: str
    id: str
    pid: int
    running: bool
    # In seconds since 1970, as Docker's `since` takes it; None: never.
    started: str | None
    ended_before: str | None
    terminal: bool
    environment: dict[str, str]
    command: list[str]
    # Whether it was created with a GPU: by CDI, by device requests or by the runtime "nvidia".
    has_gpu: bool
    runtime: str
    # Ports of the host that lead to it; None with the host's own network.
    published: dict[int, str] | None
    # How often the engine has started it again by itself, and how its last process ended; the engine keeps no exit code
    # of a container that runs again.
    restarts: int = 0
    exit_code: int | None = None
    out_of_memory: bool = False
    # None: without a limit.
    memory_limit_mib: int | None = None


class Containers(Engine):
    def named(self, name: str) -> Container:
        with self.request("GET", f"/containers/{quote(name, safe='')}/json") as response:
            if response.status == http.client.NOT_FOUND:
                raise InspectionError(
                    Problem(
                        "container_not_found",
                        f"There is no container {name} on this host.",
                        "Run site.yml, which creates it, or correct the name.",
                    )
                )
            return described(self.document(response, f"inspect the container {name}"))

    def labelled(self, label: str) -> list[Container]:
        """The containers with a label that run, or that a request starts."""
        wanted = quote(json.dumps({"label": [label]}))
        with self.request("GET", f"/containers/json?all=1&filters={wanted}") as response:
            listed = self.document(response, "list the containers")
        found = [self.named(one["Id"]) for one in listed if one.get("State") == "running" or is_unloaded(one)]
        return [one for one in found if one.running or not one.name.endswith(PREVIOUS)]

    def start(self, name: str) -> None:
        self._tell(name, "start")

    def stop(self, name: str) -> None:
        self._tell(name, "stop")

    def _tell(self, name: str, what: str) -> None:
        with self.request("POST", f"/containers/{quote(name, safe='')}/{what}") as response:
            # 304: it is so already.
            if response.status not in (http.client.NO_CONTENT, http.client.NOT_MODIFIED):
                self.refuse(f"{what} the container {name}", response)

    def errors_since_start(self, container: Container) -> str:
        """What the server wrote to its standard error since it was started; nothing if the beginning is lost."""
        after = f"&since={container.ended_before}" if container.ended_before else ""
        return from_start(self._log(container, f"stderr=1&timestamps=1{after}"), container.started)

    def last_lines(self, container: Container) -> str:
        return self._log(container, f"stderr=1&stdout=1&tail={_LAST_LINES}")

    def ending(self, container: Container) -> Ending | None:
        """How its process ended the last time; None where it never did."""
        ended = container.ended_before
        if ended is None:
            return None
        until = ""
        if container.started and float(container.started) > float(ended):
            # A line's time is taken when the engine reads it, which may be just after the end, or before the start.
            until = f"&until={(float(ended) + float(container.started)) / 2:.6f}"
        lines = self._log(container, f"stderr=1&stdout=1&tail={_LAST_LINES}{until}").splitlines()
        exit_code, out_of_memory = container.exit_code, container.out_of_memory
        for event in self._events(container, float(ended) - 1):
            if event.get("Action") == "die":
                exit_code = _number((event.get("Actor") or {}).get("Attributes", {}).get("exitCode"))
            out_of_memory = out_of_memory or event.get("Action") == "oom"
        limit = container.memory_limit_mib
        return Ending(exit_code, container.restarts, container.running, out_of_memory, lines, limit)

    def _events(self, container: Container, since: float) -> list[dict[str, Any]]:
        """What the engine remembers; that is little, and only since its own start."""
        filters = quote(json.dumps({"container": [container.id], "event": ["die", "oom"]}))
        target = f"/events?since={since:.3f}&until={time.time():.3f}&filters={filters}"
        with self.request("GET", target) as response:
            if response.status != http.client.OK:
                self.refuse("list its events", response)
            text = response.read(LARGEST_DOCUMENT).decode("utf-8", "replace")
        found = []
        for line in text.splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            found += [event] if isinstance(event, dict) else []
        return found

    def _log(self, container: Container, parameters: str) -> str:
        with self.request("GET", f"/containers/{container.id}/logs?{parameters}") as response:
            if response.status != http.client.OK:
                self.refuse(f"give the log of {container.name}", response)
            content = response.read(_LARGEST_LOG)
        return (content if container.terminal else without_frames(content)).decode("utf-8", "replace")


def connect(docker_host: str) -> Containers:
    return Containers(socket_path(docker_host), _TIMEOUT_SECONDS)


def described(inspected: dict[str, Any]) -> Container:
    """From the answer to `docker inspect`."""
    state, configuration = inspected.get("State") or {}, inspected.get("Config") or {}
    host = inspected.get("HostConfig") or {}
    environment = dict(str(entry).split("=", 1) for entry in configuration.get("Env") or [] if "=" in str(entry))
    runtime = str(host.get("Runtime") or "")
    asked = environment.get("NVIDIA_VISIBLE_DEVICES", "") not in ("", "void", "none")
    devices = [str(device.get("PathOnHost", "")) for device in host.get("Devices") or []]
    return Container(
        name=str(inspected.get("Name", "")).lstrip("/"),
        id=str(inspected["Id"]),
        pid=int(state.get("Pid") or 0),
        running=bool(state.get("Running")),
        started=seconds_of(str(state.get("StartedAt", ""))),
        ended_before=seconds_of(str(state.get("FinishedAt", ""))),
        terminal=bool(configuration.get("Tty")),
        environment=environment,
        command=[str(word) for word in configuration.get("Cmd") or []],
        has_gpu=bool(host.get("DeviceRequests"))
        or ("nvidia" in runtime and asked)
        or any(device.startswith("/dev/nvidia") for device in devices),
        runtime=runtime,
        published=None if host.get("NetworkMode") == "host" else _published(inspected),
        restarts=int(inspected.get("RestartCount") or 0),
        # While it waits for its restart the engine calls it running, and there is no process.
        exit_code=None if state.get("Pid") else _number(state.get("ExitCode")),
        out_of_memory=bool(state.get("OOMKilled")),
        memory_limit_mib=(_number(host.get("Memory")) or 0) // _MIB or None,
    )


def reached_at(container: Container, url: str) -> bool:
    """Whether a URL leads to this container, and not to another server's."""
    return container.published is None or (urlsplit(url).port or http.client.HTTP_PORT) in container.published


def from_start(stamped: str, started: str | None) -> str:
    """Lines without the time that Docker put before each; nothing where the first came too long after the start."""
    stamps, lines = [], []
    for line in stamped.splitlines():
        stamp, _separator, rest = line.partition(" ")
        stamps.append(seconds_of(stamp))
        lines.append(rest)
    first = stamps[0] if stamps else None
    if first is None or started is None or float(first) - float(started) > _FIRST_LINE_SECONDS:
        return ""
    return "\n".join(lines)


def seconds_of(moment: str) -> str | None:
    """``2026-11-22T19:44:20.5Z`` -> ``1795376660.5``. Docker writes the year 1 where something never was."""
    found = _MOMENT.fullmatch(moment)
    if not found or moment.startswith("0001"):
        return None
    return "{}{}".format(calendar.timegm(time.strptime(found.group(1), "%Y-%m-%dT%H:%M:%S")), found.group(2) or "")


def without_frames(content: bytes) -> bytes:
    """A log without Docker's headers between its pieces; the last piece may be cut."""
    pieces, position = [], 0
    while position + _FRAME_HEADER <= len(content):
        length = int.from_bytes(content[position + 4 : position + _FRAME_HEADER], "big")
        position += _FRAME_HEADER
        pieces.append(content[position : position + length])
        position += length
    return b"".join(pieces)


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def listening(labels: Mapping[str, Any]) -> tuple[str, int] | None:
    """Where the activator listens for a container with these labels."""
    host, _colon, port = str(labels.get(LISTEN_LABEL) or "").rpartition(":")
    return (host, int(port)) if port.isdigit() else None


def is_unloaded(listed: Mapping[str, Any]) -> bool:
    """Whether a container of ``docker ps --all`` was stopped because nobody uses it. The first request starts it."""
    return listed.get("State") == "exited" and listening(listed.get("Labels") or {}) is not None


def _published(inspected: dict[str, Any]) -> dict[int, str]:
    """The host's ports, each with the address it listens on."""
    activated = listening((inspected.get("Config") or {}).get("Labels") or {})
    if activated:
        return {activated[1]: activated[0]}
    bindings = (inspected.get("NetworkSettings") or {}).get("Ports") or {}
    return {
        int(one["HostPort"]): str(one.get("HostIp") or "0.0.0.0")
        for listed in bindings.values()
        for one in listed or []
        if str(one.get("HostPort", "")).isdigit()
    }
