# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All the runs of one benchmark, with what the GPU did during each. Private to this collection."""

from __future__ import annotations

import statistics
from typing import Any, Mapping, NamedTuple, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.detect import Detector
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import (
    benchmark,
    gpu_meter,
    hardware,
    repeated_audio,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.client import transcribe
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.timestamps import seconds_between

MEDIUM = "medium"


class WrongSettingsError(Exception):
    """What is asked for cannot be measured; the message says why."""


class Load(NamedTuple):
    """``requests`` is per client; so many before them are not counted."""

    clients: Sequence[int]
    requests: int
    warmup: int = 1


class Servers:
    """The servers that are measured: at ``urls``, on the GPU ``uuid`` or on the CPU (None)."""

    def __init__(self, label: str, urls: Sequence[str], timeout_seconds: float) -> None:
        self.label = label
        self.urls = list(urls)
        self._timeout_seconds = timeout_seconds

    def ask(self, clip: benchmark.Clip) -> benchmark.Ask:
        return lambda server: transcribe(self.urls[server], clip.content, self._timeout_seconds).seconds

    def first_answer_seconds(self, clip: benchmark.Clip) -> float:
        """Of a server that has just started: it may still compile code for the GPU, and allocates its buffers."""
        return round(self.ask(clip)(0), 4)


def clips(content: bytes, lengths: dict[str, float]) -> list[benchmark.Clip]:
    """The clip at each length, made by repeating it; a length of 0 leaves it as it is."""
    return [
        benchmark.Clip(
            name,
            repeated_audio.of_length(content, seconds) if seconds else content,
            seconds or repeated_audio.clip_seconds(content),
        )
        for name, seconds in lengths.items()
    ]


def run(servers: Servers, clip: benchmark.Clip, clients: int, load: Load, meter: gpu_meter.GpuMeter) -> dict[str, Any]:
    """One run: every server is warm before the measurement begins."""
    ask = servers.ask(clip)
    for server in range(len(servers.urls)):
        for _once in range(load.warmup):
            ask(server)
    mark = meter.mark()
    measured = benchmark.measure(ask, len(servers.urls), clients, clients * load.requests)
    samples = meter.since(mark)
    busy = [sample.card.utilization_percent for sample in samples if sample.card.utilization_percent is not None]
    return {
        **benchmark.summary(servers.label, clip, clients, measured),
        "gpu_memory_peak_mib": gpu_meter.memory_peak_mib(samples),
        "utilization_mean_percent": round(statistics.fmean(busy), 1) if busy else None,
        "energy_j": gpu_meter.energy_j(samples),
    }


def runs(
    servers: Servers, wanted: Sequence[benchmark.Clip], load: Load, meter: gpu_meter.GpuMeter
) -> list[dict[str, Any]]:
    """Each clip from one client; the medium one from every number of clients asked for."""
    done = []
    for clip in wanted:
        numbers = load.clients if clip.name == MEDIUM else [1]
        done += [run(servers, clip, number, load, meter) for number in numbers]
    return done


class Settings(NamedTuple):
    servers: Servers
    gpu: str | None
    audio: str
    clips: dict[str, float]
    load: Load
    # When the first server was started, and when it had loaded its model.
    loaded: tuple[str, str] | None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Settings:
        """From the options of whisper_benchmark_info, which that module describes."""
        try:
            lengths = {str(name): float(seconds) for name, seconds in given["clips"].items()}
        except (TypeError, ValueError) as error:
            raise WrongSettingsError(f"clips: a length is a number of seconds ({error})") from error
        load = Load(given["clients"], given["requests"], given["warmup"])
        if not given["urls"] or not lengths or not load.clients:
            raise WrongSettingsError("urls, clips and clients need at least one entry each")
        if min(load.clients) < 1 or load.requests < 1 or load.warmup < 0 or min(lengths.values()) < 0:
            raise WrongSettingsError("clients and requests count from 1, warmup and the lengths of clips from 0")
        loaded = (given["started_at"], given["ready_at"]) if given["started_at"] else None
        servers = Servers(given["label"], given["urls"], given["timeout_seconds"])
        return cls(servers, given["gpu"], given["audio"], lengths, load, loaded)


def benchmark_of(settings: Settings) -> dict[str, Any]:
    """What whisper_benchmark_info returns."""
    with open(settings.audio, "rb") as file:
        wanted = clips(file.read(), settings.clips)
    with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo, open("/proc/meminfo", encoding="utf-8") as meminfo:
        host = hardware.describe(Detector().report(), cpuinfo.read(), meminfo.read())
    load_seconds = seconds_between(*settings.loaded) if settings.loaded else None
    with gpu_meter.GpuMeter(settings.gpu) as meter:
        first = settings.servers.first_answer_seconds(wanted[0])
        done = runs(settings.servers, wanted, settings.load, meter)
    throughputs = [one["throughput"] for one in done if one["clip"] == MEDIUM]
    return {
        "machine": host,
        "runs": done,
        "load_seconds": load_seconds,
        "first_answer_seconds": first,
        "instances": [{"servers": len(settings.servers.urls), "throughput": max(throughputs)}] if throughputs else [],
        "samples": gpu_meter.as_dicts(meter.samples),
    }
