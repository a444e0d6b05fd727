# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One proof: known speech in one thread, the GPU in another, then the judgement. Private to this collection."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any, Callable, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.card import Card, open_card
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.detect import Detector
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.open_devices import OpenDevices
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import activation, evidence
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.client import (
    Transcription,
    TranscriptionError,
    audio_seconds,
    transcribe,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.diagnosis import cause, cause_of_end
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.facts import Facts
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.investigation import investigate
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.log import ServerLog, read_log
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.sampler import SETTLING, Sampler
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.server_process import (
    Request,
    Server,
    look_at_server,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.similarity import similarity
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.wrapping import lines_are_wanted, wrapped

_BASELINE_SECONDS = 0.5
# What servers can be started with, and then answer with something other than what was said.
_AS_IT_WAS_SAID = {"translate": "false", "diarize": "false"}
# NVML's average goes up to one second back.
_SETTLING_SECONDS = 1.2
# The connection is gone before the engine knows of the end.
_END_SECONDS = 3.0
_END_INTERVAL_SECONDS = 0.2


class Prover:
    """Everything from outside comes in here, so that tests can bring a host of their own."""

    def __init__(
        self,
        card: Callable[[str], Card] = open_card,
        devices: OpenDevices | None = None,
        server: Callable[[Request], Server] = look_at_server,
        post: Callable[[str, bytes, float, Mapping[str, str]], Transcription] = transcribe,
        detector: Callable[[], Detector] = Detector,
    ) -> None:
        self._card = card
        self._devices = devices or OpenDevices()
        self._server = server
        self._post = post
        self._detector = detector

    def prove(self, request: Request) -> dict[str, Any]:
        """A result with ``error`` set where the server gave no transcript."""
        with open(request.audio, "rb") as file:
            audio = file.read()
        length = audio_seconds(request.audio)
        started = time.monotonic()
        card = self._card(request.gpu) if request.gpu else Card()
        try:
            with Sampler(card, request.interval_seconds) as watch:
                run = _Run(self, request, audio, watch, card)
                transcription, error = run.transcribe()
                seen, server = run.observe(transcription is not None)
        finally:
            card.close()
        verdict = evidence.judge(seen)
        wanted = server.container is not None and lines_are_wanted(server.container.command)
        text = (transcription.joined if wanted else transcription.text) if transcription else None
        seconds = transcription.seconds if transcription else None
        result: dict[str, Any] = {
            "text": text,
            "expected_similarity": (
                similarity(text, request.expected_text)
                if text is not None and request.expected_text is not None
                else None
            ),
            "wrapped": wrapped(transcription.answer) if transcription and not wanted else None,
            "seconds": None if seconds is None else round(seconds, 3),
            "audio_seconds": None if length is None else round(length, 3),
            "real_time_factor": round(seconds / length, 3) if seconds and length else None,
            "proof_seconds": round(time.monotonic() - started, 3),
            "error": error,
        }
        result.update(self._judged(request, seen, server, verdict, card))
        return result

    def _judged(
        self, request: Request, seen: evidence.Observation, server: Server, verdict: evidence.Verdict, card: Card
    ) -> dict[str, Any]:
        if request.gpu is None:
            # A server of the CPU is not asked for proof of a GPU; that it says so itself is worth knowing.
            placed = None if seen.log is None else seen.log.placed_on_gpu
            found: dict[str, Any] = {"gpu_used": False if placed is False else None, "missing": [], "cause": None}
            # Why it ended is, too.
            ended = cause_of_end(self._facts(request, seen, server, verdict)) if server.ending else None
            found["cause"] = asdict(ended) if ended else None
        else:
            failed = verdict.gpu_used is not True
            found = {
                "gpu_used": verdict.gpu_used,
                "missing": verdict.missing,
                "cause": asdict(cause(self._facts(request, seen, server, verdict))) if failed else None,
            }
        found["ending"] = server.ending.as_dict() if server.ending else None
        found["evidence"] = {
            **evidence.figures(seen),
            "kinds": verdict.kinds,
            "log": None if seen.log is None else _log_evidence(seen.log),
            "device_open": seen.device_open,
            "device_code": seen.device_code,
            "source": card.source,
            "samples": len(seen.samples),
            "server": server.problem,
        }
        return found

    def _facts(self, request: Request, seen: evidence.Observation, server: Server, verdict: evidence.Verdict) -> Facts:
        return investigate(server, self._devices, self._detector(), request.gpu)._replace(
            transcribes=seen.finished,
            log=seen.log,
            device_open=seen.device_open,
            process_memory=verdict.kinds["process_memory"],
            utilization=verdict.kinds["utilization"],
            device_code=seen.device_code,
        )

    def server(self, request: Request) -> Server:
        return self._server(request)

    def post(self, request: Request, audio: bytes) -> Transcription:
        language = {"language": request.language} if request.language else {}
        return self._post(request.url, audio, request.timeout_seconds, {**_AS_IT_WAS_SAID, **language})

    @property
    def devices(self) -> OpenDevices:
        return self._devices


class _Run:
    """The inferences of one proof, and what is seen of them."""

    def __init__(self, prover: Prover, request: Request, audio: bytes, watch: Sampler, card: Card) -> None:
        self._prover = prover
        self._request = request
        self._audio = audio
        self._watch = watch
        self._card = card
        self._steady_seconds = 0.0
        self._began = time.time()

    def transcribe(self) -> tuple[Transcription | None, str | None]:
        try:
            return self._period(1), None
        except TranscriptionError as error:
            return None, str(error)

    def observe(self, finished: bool) -> tuple[evidence.Observation, Server]:
        server = self._server(finished)
        seen = self._observation(finished, server)
        number = 1
        try:
            while finished and number < 2 * evidence.ROUNDS_IN_STEP and self._undecided(seen):
                number += 2
                self._period(number)
                seen = self._observation(finished, server)
        except TranscriptionError:
            # It answered the first time: what was seen until now is what there is.
            return seen, server
        if number > 1:
            # Work in step with ours also ends with ours.
            self._idle(number + 1)
            seen = self._observation(finished, server)
        return seen, server

    def _server(self, finished: bool) -> Server:
        """With its end, if it ended because of this request."""
        server = self._prover.server(self._request)
        deadline = time.monotonic() + _END_SECONDS
        while not finished and server.container and time.monotonic() < deadline:
            if server.ended_since(self._began):
                break
            time.sleep(_END_INTERVAL_SECONDS)
            server = self._prover.server(self._request)
        return server._replace(ending=None if finished else server.ended_since(self._began))

    def _undecided(self, seen: evidence.Observation) -> bool:
        """More rounds help only where the GPU shows work and nobody says whose."""
        return (
            self._card.source is not None
            and seen.device_open is True
            and evidence.judge(seen).gpu_used is None
            and evidence.needs_more_rounds(seen)
        )

    def _period(self, number: int) -> Transcription:
        self._idle(number - 1)
        self._watch.period(number)
        first = self._prover.post(self._request, self._audio)
        # The first inference on a card may have compiled PTX or filled caches all the time.
        began = time.monotonic()
        while self._card.source and time.monotonic() - began < self._request.watch_seconds:
            self._prover.post(self._request, self._audio)
        if self._card.source:
            self._steady_seconds += time.monotonic() - began
        return first

    def _idle(self, number: int) -> None:
        if self._card.source is None:
            return
        if number:
            self._watch.period(SETTLING)
            time.sleep(_SETTLING_SECONDS)
        self._watch.period(number)
        time.sleep(_BASELINE_SECONDS)

    def _observation(self, finished: bool, server: Server) -> evidence.Observation:
        devices, request = self._prover.devices, self._request
        pids = devices.process_tree(server.pid) if server.pid else None
        samples = self._watch.samples()
        listed = {pid for sample in samples for pid in sample.card.processes or ()}
        return evidence.Observation(
            finished=finished,
            device_code=request.device_code,
            log=None if server.log is None else read_log(server.log),
            own_pids=pids,
            device_open=self._device_open(pids),
            holders=frozenset(pid for pid in listed if devices.held_by(pid)),
            sees_all_pids=devices.all_pids_visible(),
            samples=samples,
            steady_seconds=self._steady_seconds,
        )

    def _device_open(self, pids: frozenset[int] | None) -> bool | None:
        devices, gpu = self._prover.devices, self._request.gpu
        if pids is None or gpu is None or devices.driver_without_nodes():
            return None
        minor = devices.minor_of(gpu)
        minor = self._card.minor_number if minor is None else minor
        held = [devices.held_by(pid, minor) for pid in pids]
        return True if True in held else None if None in held else False


def _log_evidence(log: ServerLog) -> dict[str, Any]:
    return {
        "placed_on_gpu": log.placed_on_gpu,
        "placement_mb": log.placement_mb,
        "backend": log.backend,
        "devices": [device._asdict() for device in log.devices],
        "negative": log.negative,
        "complete": log.complete,
    }


def proof_of(
    server: Mapping[str, Any], settings: Mapping[str, Any], prove: Callable[[Request], dict[str, Any]] | None = None
) -> dict[str, Any]:
    """What `Prover.prove` found, or ``error`` alone: a proof that cannot be made says nothing of the other servers.

    ``server``: url, gpu, container, device_code. ``settings``: audio, expected_text, language, timeout_seconds,
    docker_host, watch_seconds.
    """
    if not server.get("url"):
        return {"error": "no container runs on its port"}
    if activation.unloaded(server.get("port") or 0):
        activation.load(server["url"])
    request = Request(
        url=server["url"],
        audio=settings["audio"],
        expected_text=settings["expected_text"],
        language=settings.get("language") or None,
        timeout_seconds=settings["timeout_seconds"],
        gpu=server.get("gpu") or None,
        container=server.get("container") or None,
        docker_host=settings["docker_host"],
        device_code=server.get("device_code") or None,
        watch_seconds=settings.get("watch_seconds", Request._field_defaults["watch_seconds"]),
    )
    try:
        return (prove or Prover().prove)(request)
    except Exception as error:
        return {"error": str(error) if isinstance(error, OSError) else repr(error)}
