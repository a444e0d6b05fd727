"""How the tests measure: the clips, and a server with a model of random weights."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import sweep
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.client import transcribe

SPEECH = Path(__file__).resolve().parents[1] / "fixtures" / "smoke"
SMOKE_MODEL = SPEECH / "ggml-smoke.en.bin"
CLIP = SPEECH / "clips" / "deploy.wav"
CLIPS = {"short": 5.0, "medium": 30.0, "long": 120.0}
TIMEOUT_SECONDS = 300
# Random weights know no time stamps.
OPTIONS = ("--no-timestamps",)


def clips(*names: str):
    return sweep.clips(CLIP.read_bytes(), {name: CLIPS[name] for name in names or CLIPS})


def target(label, *servers):
    return sweep.Servers(label, [server.url for server in servers], TIMEOUT_SECONDS)


def show(runs):
    for run in runs:
        print(
            f"  {run['label']} {run['clip']:6} {run['clients']:2} clients: median {run['median']:.3f} s "
            f"({run['minimum']:.3f} - {run['maximum']:.3f}), {run['throughput']:.1f} x real time, "
            f"{run['gpu_memory_peak_mib']} MiB, {run['energy_j']} J",
            flush=True,
        )


@contextlib.contextmanager
def kept_busy(server):
    """One request after the other, from a client of its own."""
    ended = threading.Event()

    def ask():
        while not ended.is_set():
            transcribe(server.url, CLIP.read_bytes(), TIMEOUT_SECONDS)

    client = threading.Thread(target=ask, daemon=True)
    client.start()
    try:
        yield
    finally:
        ended.set()
        client.join()
