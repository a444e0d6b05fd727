"""All the runs of a benchmark, against a server that speaks whisper.cpp's protocol and nothing else."""

from __future__ import annotations

import http.server
import io
import json
import threading
import wave
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.card import Card, CardSample
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import gpu_meter, repeated_audio, sweep
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.client import TranscriptionError
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.timestamps import UnreadableMomentError

CLIP = Path(__file__).parents[4] / "fixtures" / "smoke" / "clips" / "deploy.wav"
GIVEN = {
    "label": "cpu",
    "gpu": None,
    "audio": str(CLIP),
    "clips": {"short": 0, "medium": 6},
    "clients": [1, 3],
    "requests": 2,
    "warmup": 1,
    "timeout_seconds": 5,
    "started_at": "2026-11-22T20:00:00.5Z",
    "ready_at": "2026-11-22T20:00:01.750000001Z",
}


@pytest.fixture
def server():
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps({"text": "hello"}).encode()
            self.send_response(500 if self.path == "/broken" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            """Nothing."""

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    running.url = f"http://127.0.0.1:{running.server_port}"
    running.received = received
    yield running
    running.shutdown()
    running.server_close()


def settings(server, path="/inference", **changed):
    return sweep.Settings.of({**GIVEN, "urls": [server.url + path], **changed})


def test_each_clip_from_one_client_and_the_medium_one_from_each_number(server):
    found = sweep.benchmark_of(settings(server))
    assert [(run["clip"], run["clients"], len(run["seconds"])) for run in found["runs"]] == [
        ("short", 1, 2),
        ("medium", 1, 2),
        ("medium", 3, 6),
    ]
    # The first answer, a warm-up for each run, and the runs.
    assert len(server.received) == 1 + 3 + 10


def test_what_is_returned_besides(server):
    found = sweep.benchmark_of(settings(server))
    assert found["load_seconds"] == 1.25
    assert 0 < found["first_answer_seconds"] < 5
    assert found["instances"] == [
        {"servers": 1, "throughput": max(run["throughput"] for run in found["runs"] if run["clip"] == "medium")}
    ]
    assert found["samples"] == []
    assert found["machine"]["cores"] >= 1
    assert json.loads(json.dumps(found)) == found


def test_a_server_that_refuses_is_an_error(server):
    with pytest.raises(TranscriptionError, match="500"):
        sweep.benchmark_of(settings(server, "/broken"))


@pytest.mark.parametrize(
    "wrong",
    [{"clips": {"short": "long"}}, {"clips": {}}, {"clients": [0]}, {"clients": []}, {"requests": 0}, {"warmup": -1}],
)
def test_what_cannot_be_measured_is_refused(wrong, server):
    with pytest.raises(sweep.WrongSettingsError):
        settings(server, **wrong)


def test_a_moment_that_is_none_is_refused(server):
    with pytest.raises(UnreadableMomentError, match="yesterday"):
        sweep.benchmark_of(settings(server, ready_at="yesterday"))


def test_the_memory_and_the_energy_are_those_of_the_run(server):
    class Counting(Card):
        source = "nvml"
        joules = 0.0

        def sample(self):
            self.joules += 10
            return CardSample(memory_used_mib=1234, utilization_percent=50, energy_j=self.joules)

    servers = sweep.Servers("gpu", [server.url], 5)
    clip = sweep.clips(CLIP.read_bytes(), {"medium": 6})[0]
    with gpu_meter.GpuMeter("GPU-1", lambda uuid: Counting()) as meter:
        found = sweep.run(servers, clip, 1, sweep.Load([1], 2), meter)
    assert found["gpu_memory_peak_mib"] == 1234
    assert found["utilization_mean_percent"] == 50
    assert found["energy_j"] >= 10


def test_long_audio_is_the_clip_again_and_again():
    content = CLIP.read_bytes()
    made = repeated_audio.of_length(content, 10)
    assert repeated_audio.clip_seconds(made) == 10
    with wave.open(io.BytesIO(content)) as clip, wave.open(io.BytesIO(made)) as repeated:
        once = clip.readframes(clip.getnframes())
        assert repeated.readframes(clip.getnframes()) == once
        assert repeated.readframes(clip.getnframes()) == once
        assert repeated.getparams()[:3] == clip.getparams()[:3]


@pytest.mark.parametrize("content", [b"", b"ID3 something else", CLIP.read_bytes()[:44]])
def test_audio_that_cannot_be_repeated_is_refused(content):
    with pytest.raises(repeated_audio.UnusableAudioError):
        repeated_audio.of_length(content, 10)
