# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unloads servers that nobody uses, and loads one again for the first request. A program; private to this collection.

A container with the label LISTEN_LABEL publishes no port: this program listens there and passes each connection on. If
no client has asked for UNLOAD_LABEL minutes it stops the container, which frees all of its memory; while a container is
started, connections wait. What containers there are is asked once a second, so that a server that is created, replaced
or rolled back needs nothing done here.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping, NamedTuple
from urllib.parse import quote

from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.client import SOCKET, mappings
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.container import (
    LISTEN_LABEL,
    PREVIOUS,
    UNLOAD_LABEL,
    Containers,
    listening,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.activation import (
    DIRECTORY,
    LOAD_SECONDS,
    USER_AGENT,
)

# In the container.
SERVER_PORT = 8080
_HEAD_BYTES = 64 * 1024
_HEAD_SECONDS = 60
_CONNECT_SECONDS = 5
_DOCKER_SECONDS = 60
_INTERVAL_SECONDS = 0.2
# A container that ends twice while it loads will end again.
_ENDS = 2
_OK = b'{"status":"ok"}'
_UNAVAILABLE = json.dumps(
    {
        "error": {
            "message": "The server could not be loaded. Try again later.",
            "type": "server_error",
            "param": None,
            "code": "server_not_loaded",
        }
    }
).encode()


class NotLoadedError(Exception):
    """The server of a request does not answer."""


class Instance(NamedTuple):
    """A container, and where its server listens."""

    container: str
    host: str
    port: int
    unload_seconds: float
    running: bool
    address: str


def log(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def instances(containers: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], Instance]:
    """One for each address, from the answer to ``docker ps --all``.

    Containers that are set aside are left out. Of two with one address, one waits for its replacement: the one that
    does not run.
    """
    found: dict[tuple[str, int], Instance] = {}
    for one in containers:
        instance = _instance(one)
        if instance is None:
            continue
        other = found.get((instance.host, instance.port))
        if other is None or (instance.running and not other.running):
            found[instance.host, instance.port] = instance
    return found


def _instance(container: Mapping[str, Any]) -> Instance | None:
    labels = container.get("Labels") or {}
    name = ([str(one).lstrip("/") for one in container.get("Names") or []] or [""])[0]
    listens = listening(labels)
    if not name or name.endswith(PREVIOUS) or listens is None:
        return None
    networks = (container.get("NetworkSettings") or {}).get("Networks") or {}
    addresses = [str(network.get("IPAddress") or "") for network in networks.values()]
    return Instance(
        name,
        *listens,
        unload_seconds=float(labels.get(UNLOAD_LABEL) or 0) * 60,
        running=container.get("State") not in ("created", "exited"),
        address=next(filter(None, addresses), ""),
    )


class Docker:
    """What the activator asks of Docker Engine."""

    def __init__(self, path: str = SOCKET) -> None:
        self._engine = Containers(path, _DOCKER_SECONDS)

    def instances(self) -> dict[tuple[str, int], Instance]:
        wanted = quote(json.dumps({"label": [LISTEN_LABEL]}))
        return instances(mappings(self._engine.ask(f"/containers/json?all=1&filters={wanted}")))

    def start(self, container: str) -> None:
        self._engine.start(container)

    def stop(self, container: str) -> None:
        self._engine.stop(container)

    def ends(self, container: str) -> int:
        """How often it has ended by itself."""
        return self._engine.named(container).restarts


class Activator:
    """The listener of one server."""

    def __init__(self, instance: Instance, docker: Docker, directory: Path, loaded: Callable[[], Any]) -> None:
        self._docker = docker
        self._file = directory / str(instance.port)
        self._loaded = loaded
        self._lock = asyncio.Lock()
        self._connections: set[asyncio.Task[None]] = set()
        self._used = time.monotonic()
        self._loading = False
        # The last time that it was to be loaded.
        self._failed = False
        self._listener: asyncio.AbstractServer | None = None
        self.instance = instance
        self.see(instance)

    async def listen(self) -> None:
        host = self.instance.host.strip("[]")
        self._listener = await asyncio.start_server(self._accept, host, self.instance.port, limit=_HEAD_BYTES)

    def close(self) -> None:
        """Take no more connections. Those that are there end by themselves."""
        if self._listener:
            self._listener.close()
        with contextlib.suppress(FileNotFoundError):
            self._file.unlink()

    @property
    def connections(self) -> set[asyncio.Task[None]]:
        return self._connections

    def see(self, instance: Instance) -> None:
        """Take in what the engine says of the container."""
        if instance.running and not self.instance.running:
            self._used = time.monotonic()
        self.instance = instance
        if self._unloaded:
            self._file.touch()
        else:
            with contextlib.suppress(FileNotFoundError):
                self._file.unlink()

    @property
    def _unloaded(self) -> bool:
        """Of one that could not be loaded, nobody is to believe that the next request loads it."""
        return not self.instance.running and not self._failed

    def idle(self) -> bool:
        unused = time.monotonic() - self._used >= self.instance.unload_seconds
        return self.instance.running and not self._connections and unused

    async def unload_if_idle(self) -> None:
        if not self.idle() or self._lock.locked():
            return
        async with self._lock:
            # One that does not answer is not to look well because it is unloaded. Meanwhile a request may have come.
            if not await self._healthy() or not self.idle():
                return
            self._failed = False
            self.see(self.instance._replace(running=False))
            await _in_thread(self._docker.stop, self.instance.container)
        log(f"{self.instance.container}: unloaded: no request for {self.instance.unload_seconds / 60:g} minutes")

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._pass_on(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            # One of the two has gone, or this is not HTTP.
            pass
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _HEAD_SECONDS)
        health = head.startswith(b"GET /health ")
        # The proof is no use of a server.
        use = not health and f"\r\nuser-agent: {USER_AGENT}\r\n".encode() not in head.lower()
        if health and (self._unloaded or self._loading):
            await _answer(writer, "200 OK", _OK)
            return
        if use:
            self._used = time.monotonic()
        try:
            to_server = await self._connect(load=not health)
        except NotLoadedError as error:
            if not health:
                log(str(error))
            await _answer(writer, "503 Service Unavailable", _UNAVAILABLE)
            return
        with contextlib.closing(to_server[1]):
            to_server[1].write(head)
            await _both_ways((reader, writer), to_server)
        if use:
            self._used = time.monotonic()

    async def _connect(self, load: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            return await self._open()
        if not load:
            raise NotLoadedError(f"{self.instance.container} does not answer")
        async with self._lock:
            self._loading, self._failed = True, True
            try:
                await self._load()
                self._failed = False
            except InspectionError as error:
                raise NotLoadedError(f"server_not_loaded: {self.instance.container}: {error.problem}") from error
            finally:
                self._loading = False
                self.see(self.instance)
        try:
            return await self._open()
        except (OSError, asyncio.TimeoutError) as error:
            raise NotLoadedError(
                f"server_not_loaded: {self.instance.container} is loaded, and does not answer"
            ) from error

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if not self.instance.running or not self.instance.address:
            raise ConnectionRefusedError
        opening = asyncio.open_connection(self.instance.address, SERVER_PORT, limit=_HEAD_BYTES)
        return await asyncio.wait_for(opening, _CONNECT_SECONDS)

    async def _load(self) -> None:
        """Raises NotLoadedError where the container does not start, ends again and again, or is not ready in time."""
        key, name, started = (self.instance.host, self.instance.port), self.instance.container, time.monotonic()
        seen = (await _in_thread(self._docker.instances)).get(key)
        if seen is None:
            raise NotLoadedError(f"server_not_loaded: {name} is gone")
        was_running = seen.running
        if not was_running:
            await _in_thread(self._docker.start, name)
        ends = await _in_thread(self._docker.ends, name)
        while time.monotonic() - started < LOAD_SECONDS:
            seen = (await _in_thread(self._docker.instances)).get(key)
            if seen is None or await _in_thread(self._docker.ends, name) - ends >= _ENDS:
                break
            self.see(seen)
            if await self._healthy():
                if not was_running:
                    log(f"{name}: loaded in {time.monotonic() - started:.1f} s")
                    self._loaded()
                return
            await asyncio.sleep(_INTERVAL_SECONDS)
        raise NotLoadedError(f"server_not_loaded: {name} does not become ready. See its log: docker logs {name}")

    async def _healthy(self) -> bool:
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            reader, writer = await self._open()
            with contextlib.closing(writer):
                writer.write(b"GET /health HTTP/1.0\r\n\r\n")
                status = await asyncio.wait_for(reader.readline(), _CONNECT_SECONDS)
                return b" 200 " in status
        return False


async def _in_thread(call: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, functools.partial(call, *arguments))


async def _answer(writer: asyncio.StreamWriter, status: str, body: bytes) -> None:
    length = f"Content-Length: {len(body)}"
    head = (f"HTTP/1.1 {status}", "Content-Type: application/json", length, "Retry-After: 10", "Connection: close")
    writer.write("\r\n".join([*head, "", ""]).encode() + body)
    await writer.drain()


async def _both_ways(
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter], server: tuple[asyncio.StreamReader, asyncio.StreamWriter]
) -> None:
    """Until the server has answered, or one of the two has gone."""

    def gone(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception():
            server[1].transport.abort()

    asks = asyncio.ensure_future(_copy(client[0], server[1]))
    asks.add_done_callback(gone)
    try:
        await _copy(server[0], client[1])
    finally:
        asks.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await asks


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        piece = await reader.read(_HEAD_BYTES)
        if not piece:
            break
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


class Activators:
    """All servers of the host."""

    def __init__(self, docker: Docker, directory: Path, loaded: Callable[[], Any]) -> None:
        self._docker = docker
        self._directory = directory
        self._loaded = loaded
        self._open: dict[tuple[str, int], Activator] = {}
        self._told: set[str] = set()

    async def reconcile(self) -> None:
        try:
            wanted = await _in_thread(self._docker.instances)
        except InspectionError as error:
            # The engine may be restarting. What listens goes on.
            self._tell(str(error.problem))
            return
        for key in [one for one in self._open if one not in wanted]:
            self._open.pop(key).close()
        for key, instance in wanted.items():
            if key in self._open:
                self._open[key].see(instance)
                continue
            activator = Activator(instance, self._docker, self._directory, self._loaded)
            try:
                await activator.listen()
            except OSError as error:
                activator.close()
                self._tell(f"{instance.container}: cannot listen on {instance.host}, port {instance.port}: {error}")
                continue
            self._open[key] = activator
        await asyncio.gather(*(self._unload(one) for one in self._open.values()))

    async def _unload(self, activator: Activator) -> None:
        try:
            await activator.unload_if_idle()
        except InspectionError as error:
            self._tell(str(error.problem))

    async def close(self, seconds: float) -> None:
        """Take no more connections, and give those that are there some seconds."""
        running = {task for one in self._open.values() for task in one.connections}
        for one in self._open.values():
            one.close()
        if running:
            await asyncio.wait(running, timeout=seconds)

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            log(text)


def prove() -> None:
    """Have the proof made anew, where its timer is installed."""
    if os.path.exists("/etc/systemd/system/whisper-proof.service"):
        os.spawnlp(os.P_NOWAIT, "systemctl", "systemctl", "start", "--no-block", "whisper-proof.service")


async def run(activators: Activators, interval_seconds: float = 1.0, closing_seconds: float = 60.0) -> None:
    """Until the process is told to end."""
    ends = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ends.set)
    while not ends.is_set():
        await activators.reconcile()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(ends.wait(), interval_seconds)
    await activators.close(closing_seconds)


def main() -> int:
    # What has started a proof is not waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    asyncio.run(run(Activators(Docker(), Path(DIRECTORY), prove)))
    return 0
