# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests of the service, from the upload to the answer."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import re
import uuid
from typing import Any, AsyncGenerator, AsyncIterator, Awaitable, Callable

from aiohttp import web

from . import answers, audio, metrics, page, parts, servers, stream
from .form import receive
from .parameters import Parameters, check_model, parameters
from .refusal import RefusalError
from .settings import Settings

LOG = logging.getLogger("whisper_api")
REQUEST_ID = "X-Request-ID"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(settings: Settings) -> web.Application:
    service = Service(settings)
    app = web.Application(middlewares=[answer_in_form])
    app.cleanup_ctx.append(service.running)
    app.router.add_post("/v1/audio/transcriptions", service.transcribe)
    app.router.add_post("/v1/audio/translations", service.translate)
    app.router.add_get("/v1/models", service.list_models)
    app.router.add_get("/v1/models/{model}", service.show_model)
    app.router.add_get("/health", service.health)
    if settings.page:
        page.add(app)
    return app


@web.middleware
async def answer_in_form(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever goes wrong, the client gets an error of OpenAI's form, and each answer the name of its request."""
    given = request.headers.get(REQUEST_ID, "")
    name = given if re.fullmatch(r"[\w.:-]{1,128}", given) else str(uuid.uuid4())
    request[REQUEST_ID] = name
    try:
        answer = await handler(request)
    except RefusalError as refusal:
        answer = refused(refusal)
    except web.HTTPException as error:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status, "bad_request")
        answer = refused(RefusalError(error.status, code, f"{request.method} {request.path[:200]}: {error.reason}."))
    except (ConnectionError, asyncio.TimeoutError):
        answer = refused(RefusalError(499, "client_gone", "The client went away."))
    except Exception:
        LOG.exception("request %s failed", name)
        answer = refused(RefusalError(500, "internal_error", f"The service failed. Its log has request {name}."))
    answer.headers[REQUEST_ID] = name
    return answer


def refused(refusal: RefusalError) -> web.Response:
    return web.Response(
        status=refusal.status, text=refusal.body, content_type="application/json", headers=refusal.headers
    )


class Service:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._active = 0
        self._metrics = metrics.Metrics()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def running(self, _app: web.Application) -> AsyncIterator[None]:
        self._decoders = asyncio.Semaphore(self._settings.decoders)
        session = servers.session()
        self._servers = servers.Servers(self._settings, session)
        await self._servers.check()
        watching = asyncio.ensure_future(self._servers.watch())
        told = (self._settings.metrics_listen_address, self._settings.metrics_port)
        async with metrics.exposed(lambda: self._metrics.text(self._servers.usable, self._active), *told):
            yield
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        await session.close()

    async def health(self, _request: web.Request) -> web.Response:
        usable = self._servers.usable
        answer = (
            web.json_response({"status": "ok"}) if usable else refused(self._later("no_server", "No server is up."))
        )
        answer.headers["X-Whisper-Configuration"] = self._settings.identity
        return answer

    # Models.

    def _models(self) -> list[str]:
        model = servers.model_of(self._settings.plan_file)
        return list(dict.fromkeys([*([model] if model else []), *self._settings.model_aliases]))

    def _model(self, name: str) -> dict[str, Any]:
        created = 0
        with contextlib.suppress(OSError):
            created = int(os.stat(self._settings.servers_file).st_mtime)
        return {"id": name, "object": "model", "created": created, "owned_by": "whisper.cpp"}

    async def list_models(self, _request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [self._model(name) for name in self._models()]})

    async def show_model(self, request: web.Request) -> web.Response:
        name = request.match_info["model"]
        check_model(name, self._models())
        return web.json_response(self._model(name))

    # Audio.

    async def transcribe(self, request: web.Request) -> web.StreamResponse:
        return await self._counted(request, translate=False)

    async def translate(self, request: web.Request) -> web.StreamResponse:
        return await self._counted(request, translate=True)

    async def _counted(self, request: web.Request, translate: bool) -> web.StreamResponse:
        status = 500
        try:
            answer = await self._in_turn(request, translate)
            status = answer.status
            return answer
        except RefusalError as refusal:
            status = refusal.status
            raise
        except (ConnectionError, asyncio.TimeoutError):
            status = 499
            raise
        finally:
            self._metrics.answered(status)

    async def _in_turn(self, request: web.Request, translate: bool) -> web.StreamResponse:
        usable = self._servers.usable
        if not usable:
            raise self._later("no_server", "No server is up.")
        # All that are sent, decoded, waiting or running, less the servers, are those that wait.
        if self._active >= usable + self._settings.queue_length:
            raise self._later("queue_full", f"All servers are busy and {self._settings.queue_length} requests wait.")
        self._active += 1
        try:
            return await self._answered(request, translate)
        finally:
            self._active -= 1

    async def _answered(self, request: web.Request, translate: bool) -> web.StreamResponse:
        try:
            form = await asyncio.wait_for(receive(request, self._settings), self._settings.upload_seconds)
        except asyncio.TimeoutError:
            message = f"The request did not come within {self._settings.upload_seconds} seconds."
            raise RefusalError(408, "request_timeout", message) from None
        with contextlib.closing(form.audio):
            wanted = parameters(form.fields, translate, self._models())
            async with self._decoders:
                sound = await audio.decoded(form.audio, self._settings)
        transcripts = self._transcripts(request, sound, wanted)
        try:
            if wanted.stream:
                return await stream.stream(request, transcripts, wanted, {REQUEST_ID: request[REQUEST_ID]})
            answer = answers.answer(answers.joined([part async for part in transcripts]), sound.seconds, wanted)
            return web.Response(text=answer.text, content_type=answer.content_type, charset="utf-8")
        finally:
            # Ends the parts that have not begun.
            await transcripts.aclose()

    async def _transcripts(
        self, request: web.Request, sound: audio.Audio, wanted: Parameters
    ) -> AsyncGenerator[answers.Transcript, None]:
        """Of each part of the audio, in their order: a single one if it is not long."""
        longest = self._settings.split_seconds
        if not longest or sound.seconds <= longest:
            # Closed by the task that reads it, which can be later than the end of this request.
            yield transcript(await self._transcribed(request, sound, wanted, Clock(self._settings)), sound.seconds)
            return
        with contextlib.closing(sound.file):
            cuts = await asyncio.get_running_loop().run_in_executor(None, parts.cuts, sound, longest)
            clock = Clock(self._settings, shared=True)

            async def part(number: int) -> answers.Transcript:
                if number:
                    await clock.begun.wait()
                piece = parts.part_of(sound, cuts[number], self._settings)
                result = await self._transcribed(request, piece, wanted, clock)
                return transcript(result, piece.seconds, cuts[number][0] / audio.RATE)

            # One for each server. Others that wait are served between two parts.
            calls = [functools.partial(part, number) for number in range(len(cuts))]
            transcripts = parts.in_order(calls, max(1, self._servers.usable))
            try:
                async for done in transcripts:
                    yield done
            finally:
                await transcripts.aclose()

    async def _transcribed(
        self, request: web.Request, sound: audio.Audio, wanted: Parameters, clock: Clock
    ) -> dict[str, Any]:
        task: asyncio.Task[dict[str, Any]] | None = None
        try:
            while True:
                with self._metrics.waiting():
                    server = await self._servers.acquire(clock.to_wait, lambda: connected(request))
                clock.begin()
                task = asyncio.ensure_future(self._servers.ask(server, sound.file, wanted.for_the_server()))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                try:
                    # A server ends what it has begun, and has its turn until then, whoever still waits for it.
                    return await asyncio.wait_for(asyncio.shield(task), clock.left)
                except servers.NothingSentError:
                    continue
                except asyncio.TimeoutError:
                    message = f"The server did not finish within {self._settings.timeout_seconds} seconds."
                    raise RefusalError(504, "server_timeout", message) from None
        finally:
            if task is None or task.done():
                sound.file.close()
            else:
                task.add_done_callback(lambda done: (sound.file.close(), done.cancelled() or done.exception()))

    def _later(self, code: str, message: str) -> RefusalError:
        return RefusalError(503, code, message, retry_after=self._settings.retry_after_seconds)


class Clock:
    """How long a request waits for a server, and how long it has once it got one: all its parts together."""

    def __init__(self, settings: Settings, shared: bool = False) -> None:
        self._settings = settings
        self._shared = shared
        self._end = 0.0
        self.begun = asyncio.Event()

    def begin(self) -> None:
        if not (self._shared and self.begun.is_set()):
            self._end = asyncio.get_running_loop().time() + self._settings.timeout_seconds
            self.begun.set()

    @property
    def left(self) -> float:
        return max(0.0, self._end - asyncio.get_running_loop().time())

    @property
    def to_wait(self) -> float:
        return self.left if self._shared and self.begun.is_set() else self._settings.queue_seconds


def transcript(result: dict[str, Any], seconds: float, start: float = 0.0) -> answers.Transcript:
    try:
        return answers.transcript(result, seconds, start)
    except answers.AnswerError as error:
        LOG.warning("a server's answer is none: %s", error)
        raise RefusalError(500, "server_failed", "The server's answer is none.") from error


def connected(request: web.Request) -> bool:
    transport = request.transport
    return transport is not None and not transport.is_closing()
