# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests of the service, from the upload to the answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import uuid
from typing import Any, AsyncIterator, Awaitable, Callable

from aiohttp import web

from . import answers, audio, page, servers
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
        self._tasks: set[asyncio.Task[Any]] = set()

    async def running(self, _app: web.Application) -> AsyncIterator[None]:
        self._decoders = asyncio.Semaphore(self._settings.decoders)
        session = servers.session()
        self._servers = servers.Servers(self._settings, session)
        await self._servers.check()
        watching = asyncio.ensure_future(self._servers.watch())
        yield
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        await session.close()

    async def health(self, _request: web.Request) -> web.Response:
        usable = self._servers.usable()
        answer = (
            web.json_response({"status": "ok"}) if usable else refused(self._later("no_server", "No server is up."))
        )
        answer.headers["X-Whisper-Configuration"] = self._settings.identity
        return answer

    # Models.

    def _models(self) -> dict[str, str | None]:
        """Each name that a client may send, with the model that it stands for, the default's own name first."""
        planned = servers.model_of(self._settings.plan_file)
        found = self._servers.models or ([planned] if planned else [])
        named = {alias: model for alias, model in self._settings.alias_models.items() if model in found}
        default = dict.fromkeys(self._settings.model_aliases, found[0] if found else None)
        own: dict[str, str | None] = {model: model for model in found}
        # First for their places, last because no alias takes a model's own name.
        return {**own, **default, **named, **own}

    def _model(self, name: str) -> dict[str, Any]:
        created = 0
        with contextlib.suppress(OSError):
            created = int(os.stat(self._settings.servers_file).st_mtime)
        return {"id": name, "object": "model", "created": created, "owned_by": "whisper.cpp"}

    async def list_models(self, _request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [self._model(name) for name in self._models()]})

    async def show_model(self, request: web.Request) -> web.Response:
        name = request.match_info["model"]
        check_model(name, list(self._models()))
        return web.json_response(self._model(name))

    # Audio.

    async def transcribe(self, request: web.Request) -> web.Response:
        return await self._in_turn(request, translate=False)

    async def translate(self, request: web.Request) -> web.Response:
        return await self._in_turn(request, translate=True)

    async def _in_turn(self, request: web.Request, translate: bool) -> web.Response:
        usable = self._servers.usable()
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

    async def _answered(self, request: web.Request, translate: bool) -> web.Response:
        try:
            form = await asyncio.wait_for(receive(request, self._settings), self._settings.upload_seconds)
        except asyncio.TimeoutError:
            message = f"The request did not come within {self._settings.upload_seconds} seconds."
            raise RefusalError(408, "request_timeout", message) from None
        with contextlib.closing(form.audio):
            names = self._models()
            wanted = parameters(form.fields, translate, list(names))
            model = names[wanted.model] if wanted.model else next(iter(names.values()), None)
            if not self._servers.usable(model):
                raise self._later("no_server", f"No server of the model {model} is up.")
            async with self._decoders:
                sound = await audio.decoded(form.audio, self._settings)
        # Closed by the task that reads it, which can be later than the end of this request.
        result = await self._transcribed(request, sound, wanted, model)
        try:
            answer = answers.answer(result, sound.seconds, wanted)
        except answers.AnswerError as error:
            LOG.warning("a server's answer is none: %s", error)
            raise RefusalError(500, "server_failed", "The server's answer is none.") from error
        return web.Response(text=answer.text, content_type=answer.content_type, charset="utf-8")

    async def _transcribed(
        self, request: web.Request, sound: audio.Audio, wanted: Parameters, model: str | None
    ) -> dict[str, Any]:
        task: asyncio.Task[dict[str, Any]] | None = None
        try:
            while True:
                server = await self._servers.acquire(self._settings.queue_seconds, lambda: connected(request), model)
                task = asyncio.ensure_future(self._servers.ask(server, sound.file, wanted.for_the_server()))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                try:
                    # A server ends what it has begun, and has its turn until then, whoever still waits for it.
                    return await asyncio.wait_for(asyncio.shield(task), self._settings.timeout_seconds)
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


def connected(request: web.Request) -> bool:
    transport = request.transport
    return transport is not None and not transport.is_closing()
