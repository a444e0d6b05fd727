# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of the host, or a gateway's queue of servers: each has one request, the others wait in their order."""

from __future__ import annotations

import asyncio
import collections
import json
import logging
import os
import urllib.parse
from typing import IO, Any, Callable

import aiohttp

from .refusal import RefusalError
from .settings import MIB, Settings

OK = 200
UNAVAILABLE = 503
QUEUE_FAILURES = (502, UNAVAILABLE, 504)
# By which a queue knows the model.
MODEL = "X-Whisper-Model"
LOG = logging.getLogger("whisper_api")
LARGEST_ANSWER = 64 * MIB
CHECK_EVERY_SECONDS = 2.0
CHECK_SECONDS = 3.0
CONNECT_SECONDS = 5.0
LOOK_EVERY_SECONDS = 0.5
PIECE = 256 * 1024


class NothingSentError(Exception):
    """No connection came about: another server may have the request."""


class Server:
    def __init__(self, url: str, model: str | None = None) -> None:
        self.url = url
        # None where all have one.
        self.model = model
        self.health_url = urllib.parse.urljoin(url, "/health")
        self.up = False
        # How many it takes at a time: a server one, a queue one for each server that it has.
        self.capacity = 1
        self.requests = 0
        # Of the servers in the file.
        self.listed = True

    @property
    def usable(self) -> int:
        return self.capacity if self.up and self.listed else 0

    @property
    def free(self) -> int:
        return max(0, self.usable - self.requests)

    def has(self, model: str | None) -> bool:
        return None in (model, self.model) or model == self.model


class Servers:
    def __init__(self, settings: Settings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._session = session
        self._servers: dict[tuple[str, str | None], Server] = {}
        self._waiting: collections.deque[tuple[asyncio.Future[Server], str | None]] = collections.deque()
        self._file: Any = None

    def usable(self, model: str | None = None) -> int:
        """How many requests they take at a time; of those with the model, if it is given."""
        return sum(server.usable for server in self._servers.values() if server.has(model))

    @property
    def models(self) -> list[str]:
        """The default first. None where the plan alone knows."""
        listed = [server.model for server in self._servers.values() if server.listed]
        return list(dict.fromkeys(model for model in listed if model))

    # Which there are.

    async def watch(self) -> None:
        while True:
            await self.check()
            await asyncio.sleep(CHECK_EVERY_SECONDS)

    async def check(self) -> None:
        if self._settings.queue_url:
            await self._check_queue()
        else:
            self.read_list()
            await asyncio.gather(*(self._check(server) for server in self._servers.values()))
        self._hand_out()

    def read_list(self) -> None:
        """The file of site.yml may change at any time. One that cannot be read leaves what was read before."""
        try:
            seen = os.stat(self._settings.servers_file)
            if self._file == (seen.st_mtime_ns, seen.st_ino):
                return
            with open(self._settings.servers_file, encoding="utf-8") as file:
                found = [(str(server["url"]), server.get("model")) for server in json.load(file)["servers"]]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            if self._file != "unreadable":
                LOG.warning("%s cannot be used: %r", self._settings.servers_file, error)
            self._file = "unreadable"
            return
        self._file = (seen.st_mtime_ns, seen.st_ino)
        self._list(found)

    def _list(self, found: list[tuple[str, str | None]]) -> None:
        before = self._servers
        self._servers = {key: before.get(key) or Server(*key) for key in found}
        for key, server in before.items():
            server.listed = key in self._servers
            # One that still has a request keeps its place until the request has ended.
            if server.requests:
                self._servers.setdefault(key, server)

    async def _check_queue(self) -> None:
        """It says how many servers are up, of each model where there are several."""
        url = self._settings.queue_url
        if not self._servers:
            self._list([(url, None)])
        try:
            timeout = aiohttp.ClientTimeout(total=CHECK_SECONDS)
            async with self._session.get(urllib.parse.urljoin(url, "/health"), timeout=timeout) as answer:
                told: dict[str, Any] = await answer.json() if answer.status == OK else {"servers": 0}
                counts = {str(model): int(count) for model, count in (told.get("models") or {}).items()}
                total = int(told["servers"])
        except asyncio.TimeoutError:
            return
        except (aiohttp.ClientError, ValueError, KeyError, TypeError, AttributeError):
            total, counts = 0, {}
        if counts:
            self._list([(url, model) for model in counts])
        elif total:
            self._list([(url, None)])
        for server in self._servers.values():
            server.capacity = counts.get(server.model, 0) if server.model else total
            self._found(server, server.capacity > 0)

    async def _check(self, server: Server) -> None:
        try:
            timeout = aiohttp.ClientTimeout(total=CHECK_SECONDS)
            async with self._session.get(server.health_url, timeout=timeout) as answer:
                up = answer.status == OK
        except asyncio.TimeoutError:
            # Uploads that come past this service can keep it from answering.
            return
        except (aiohttp.ClientError, ValueError):
            up = False
        self._found(server, up)

    @staticmethod
    def _found(server: Server, up: bool) -> None:
        if up != server.up:
            LOG.info("%s is %s", server.url, "up" if up else "down")
        server.up = up

    # Whose turn it is.

    async def acquire(self, seconds: float, wanted: Callable[[], bool], model: str | None) -> Server:
        """The next server with the model that is free, in the order of the calls, while the request is `wanted`."""
        turn: asyncio.Future[Server] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, model))
        end = asyncio.get_running_loop().time() + seconds
        try:
            while True:
                self._hand_out()
                await asyncio.wait({turn}, timeout=LOOK_EVERY_SECONDS)
                if not wanted():
                    raise RefusalError(499, "client_gone", "The client went away.")
                if turn.done():
                    return turn.result()
                if not self.usable(model):
                    raise self._later("no_server", "No server is up.")
                if asyncio.get_running_loop().time() > end:
                    raise self._later("no_server_in_time", "No server became free in time. Try again later.")
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.release(turn.result())
            turn.cancel()
            raise
        finally:
            self._waiting = collections.deque(one for one in self._waiting if one[0] is not turn)

    def release(self, server: Server) -> None:
        server.requests -= 1
        self._hand_out()

    def _hand_out(self) -> None:
        for turn, model in tuple(self._waiting):
            server = next((one for one in self._servers.values() if one.free and one.has(model)), None)
            if server is not None and not turn.done():
                self._waiting.remove((turn, model))
                server.requests += 1
                turn.set_result(server)

    def _later(self, code: str, message: str) -> RefusalError:
        return RefusalError(503, code, message, retry_after=self._settings.retry_after_seconds)

    def _failure(self, status: int, body: bytes) -> RefusalError:
        """A queue says in OpenAI's form what became of the request: all servers are down, or the one that had it is."""
        if self._settings.queue_url and status in QUEUE_FAILURES:
            try:
                told = json.loads(body)["error"]
                later = self._settings.retry_after_seconds if status == UNAVAILABLE else None
                return RefusalError(status, str(told["code"]), str(told["message"]), retry_after=later)
            except (ValueError, KeyError, TypeError):
                pass
        return RefusalError(500, "server_failed", f"The server could not transcribe it (status {status}).")

    # What one says.

    async def ask(self, server: Server, audio: IO[bytes], fields: dict[str, str]) -> dict[str, Any]:
        """Send it once, and release the server when it has answered: nothing makes it end earlier."""
        try:
            return await self._ask(server, audio, fields)
        finally:
            self.release(server)

    async def _ask(self, server: Server, audio: IO[bytes], fields: dict[str, str]) -> dict[str, Any]:
        form = aiohttp.FormData()
        audio.seek(0)
        # One of its own: aiohttp closes it.
        form.add_field("file", os.fdopen(os.dup(audio.fileno()), "rb"), filename="audio.wav", content_type="audio/wav")
        for name, value in fields.items():
            form.add_field(name, value)
        headers = {MODEL: server.model} if self._settings.queue_url and server.model else {}
        try:
            async with self._session.post(server.url, data=form, headers=headers) as answer:
                body = await _body(answer)
                if answer.status != OK:
                    LOG.warning("%s answered %d: %r", server.url, answer.status, body[:200])
                    raise self._failure(answer.status, body)
        except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError) as error:
            server.up = False
            raise NothingSentError from error
        except (aiohttp.ClientError, OSError) as error:
            message = "The server went away while it had the request. It was not sent again."
            raise RefusalError(502, "server_lost", message) from error
        try:
            result = json.loads(body)
        except ValueError:
            result = None
        if not isinstance(result, dict):
            raise RefusalError(500, "server_failed", "The server's answer is none.")
        return result


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := await answer.content.read(PIECE):
        size += len(piece)
        if size > LARGEST_ANSWER:
            raise RefusalError(500, "server_failed", "The server's answer is too large.")
        pieces.append(piece)
    return b"".join(pieces)


def session() -> aiohttp.ClientSession:
    """A connection for each request: one that is kept can break just when the next request is on it."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True, limit=0),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        trust_env=False,
        auto_decompress=False,
    )


def model_of(plan_file: str) -> str | None:
    """The model of the plan, which site.yml saved."""
    try:
        with open(plan_file, encoding="utf-8") as file:
            model = json.load(file).get("model")
    except (OSError, ValueError, AttributeError):
        return None
    return model if isinstance(model, str) and model else None
