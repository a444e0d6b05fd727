"""The whole proof over a card, a server and a kernel that a test brings along."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.container import described
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.ending import Ending
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.card import Card, CardSample
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Report
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import (
    activation,
    evidence,
    program,
    proof,
    sampler,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.archive import archive
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.client import Transcription, TranscriptionError

ROOT = Path(__file__).parents[5]
SMOKE = ROOT / "tests" / "fixtures" / "smoke" / "clips"
WORDS = (SMOKE / "deploy.txt").read_text(encoding="utf-8")
LOG = ROOT / "tests" / "fixtures" / "whisper_server" / "h100"
GPU = "GPU-5bd31b3d"


class Host:
    """A host with one card that works when the server does."""

    def __init__(self, *, lists=True, works=True, holds=True, log="gpu.log"):
        self.busy, self.posts, self.closed = False, 0, False
        self.answer, self.container = WORDS.strip(), None
        self.lists, self.works, self.holds = lists, works, holds
        self.log = (LOG / log).read_text(encoding="utf-8")

    def prover(self, fails=False, ending=None):
        def post(url, audio, timeout_seconds, fields):
            self.posts += 1
            self.fields = fields
            if fails:
                raise TranscriptionError("it gave no answer")
            self.busy = True
            time.sleep(0.1)
            self.busy = False
            return Transcription(self.answer, 0.02)

        return proof.Prover(
            card=lambda uuid: self.card(),
            devices=self,
            server=lambda request: proof.Server(4108, self.log, self.log, self.container, ending=ending),
            post=post,
            detector=lambda: self,
        )

    def card(self):
        host = self

        class Watched(Card):
            source = "nvml"

            def sample(self):
                return CardSample(40 if host.busy and host.works else 0, 1980, 900, {4108: 700} if host.lists else {})

            def close(self):
                host.closed = True

        return Watched()

    def report(self):
        return Report(source="sysfs")

    def process_tree(self, pid):
        return frozenset({pid})

    def held_by(self, pid, minor=None):
        return self.holds

    def minor_of(self, uuid):
        return 0

    def all_pids_visible(self):
        return self.lists

    def driver_without_nodes(self):
        return False

    def sees_node(self, pid, node):
        return True

    def uvm_numbers(self, pid):
        return None, None

    def libraries(self, pid):
        return ["/app/libggml-cuda.so"]


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch):
    # Long enough for the sampling thread to get its turn on a machine that is busy.
    monkeypatch.setattr(proof, "_BASELINE_SECONDS", 0.3)
    monkeypatch.setattr(proof, "_SETTLING_SECONDS", 0.1)
    monkeypatch.setattr(evidence, "SECONDS_TO_BE_SURE", 0.3)


def request(**more):
    given = {"url": "http://127.0.0.1:1/", "audio": str(SMOKE / "deploy.wav"), "expected_text": WORDS, "gpu": GPU}
    return proof.Request(**{**given, "interval_seconds": 0.005, "watch_seconds": 0.5, **more})


def test_a_server_on_its_card_is_proven():
    host = Host()
    result = host.prover().prove(request())
    assert result["gpu_used"] is True
    assert result["cause"] is None
    assert result["expected_similarity"] == 1.0
    assert (result["seconds"], result["audio_seconds"]) == (0.02, 2.889)
    assert result["evidence"]["kinds"] == {"log": True, "process_memory": True, "utilization": True}
    assert result["evidence"]["utilization_baseline_percent"] == 0
    assert result["evidence"]["utilization_max_percent"] == 40
    assert host.posts > 2, "the speech was not repeated"
    assert host.closed


@pytest.mark.parametrize(("given", "named"), [("de", {"language": "de"}), (None, {})])
def test_what_was_said_is_asked_for_whatever_the_server_was_started_with(given, named):
    host = Host(log="nogpu.log")
    host.prover().prove(request(gpu=None, language=given))
    assert host.fields == {"translate": "false", "diarize": "false", **named}


def answering(answer, command):
    """A server of the CPU that was started with a command; outside of Docker it is not known."""
    host = Host(log="nogpu.log")
    host.answer = answer
    host.container = described({"Id": "7", "Config": {"Cmd": command}}) if command else None
    return host.prover().prove(request(gpu=None))


# Lines of at most 60 and of at most 16 characters, which end on a token, also within a word.
LONG = " The committee decided unanimously to reconsider its interna\ntionalization strategy.\n"
SHORT = " deploy the ser\nver image on host\n seven\n"


@pytest.mark.parametrize("flags", [["--max-len", "60"], ["--split-on-word"]])
def test_a_server_that_was_told_where_lines_end_is_not_broken(flags):
    result = answering(LONG, ["--model", "m.bin", *flags])
    assert result["wrapped"] is None
    assert result["text"] == "The committee decided unanimously to reconsider its internationalization strategy."


def test_words_that_it_breaks_are_whole_again():
    result = answering(SHORT, ["--max-len", "16"])
    assert (result["text"], result["expected_similarity"]) == ("deploy the server image on host seven", 1.0)


@pytest.mark.parametrize("command", [["--model", "m.bin"], None])
def test_a_server_that_was_told_nothing_is(command):
    assert answering(LONG, command)["wrapped"] is True


def test_a_driver_that_lists_nothing_is_asked_three_times():
    result = Host(lists=False).prover().prove(request())
    assert result["gpu_used"] is True
    assert result["evidence"]["kinds"] == {"log": True, "process_memory": None, "utilization": True}
    assert result["missing"] == ["process_memory"]


@pytest.mark.parametrize(
    ("host", "code"),
    [
        (Host(works=False), "gpu_not_used"),
        (Host(holds=False), "gpu_claim_contradicted"),
        (Host(log="hidden.log", works=False), "cuda_failed"),
    ],
)
def test_a_server_elsewhere_is_not_and_the_cause_is_named(host, code):
    result = host.prover().prove(request())
    assert result["gpu_used"] is False
    assert result["cause"]["code"] == code


def test_a_server_that_gives_no_transcript_still_tells_why():
    host = Host(log="wrong.log")
    result = host.prover(fails=True).prove(request())
    assert (result["text"], result["error"], result["gpu_used"]) == (None, "it gave no answer", False)
    assert result["cause"]["code"] == "no_kernel_image"
    assert result["missing"][0] == "inference"
    assert host.closed


def test_a_server_of_the_cpu_is_asked_once_and_for_no_proof():
    host = Host(log="nogpu.log")
    result = host.prover().prove(request(gpu=None))
    assert (result["gpu_used"], result["missing"], result["cause"]) == (False, [], None)
    assert host.posts == 1


@pytest.mark.parametrize(
    ("gpu", "exit_code", "code"),
    [(None, 132, "illegal_instruction"), (None, 139, "server_died_in_inference"), (GPU, 137, "server_killed")],
)
def test_a_server_that_ends_instead_is_told_by_its_end(gpu, exit_code, code):
    host = Host(log="nogpu.log" if gpu is None else "gpu.log")
    lines = host.log.splitlines()
    prover = host.prover(fails=True, ending=Ending(exit_code, 1, True, lines=lines))
    result = prover.prove(request(gpu=gpu))
    assert (result["cause"]["code"], result["ending"]["exit_code"]) == (code, exit_code)
    assert result["gpu_used"] is not True


def test_a_server_that_only_did_not_answer_has_not_ended():
    result = Host().prover(fails=True).prove(request())
    assert (result["cause"]["code"], result["ending"]) == ("transcript_missing", None)


def test_a_sample_taken_across_two_periods_belongs_to_none():
    class Slow(Card):
        def sample(self):
            time.sleep(0.05)
            return CardSample(1)

    with sampler.Sampler(Slow(), 0.0) as watching:
        for number in range(20):
            watching.period(number)
            time.sleep(0.01)
        watching.period(99)
        time.sleep(0.2)
    assert {sample.period for sample in watching.samples()} == {99}


def test_a_server_outside_of_docker_has_a_process_and_a_log_of_its_own():
    seen = proof.look_at_server(request(pid=7, log=str(LOG / "gpu.log")))
    assert seen.pid == 7
    assert "CUDA0 total size" in seen.log


def test_an_engine_that_does_not_answer_is_said():
    seen = proof.look_at_server(request(container="x", docker_host="unix:///no/such/socket"))
    assert seen.problem.startswith("docker_unreachable: ")
    assert seen.pid is None


# --- the program of the timer ---------------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path):
    def write(servers):
        (tmp_path / "servers.json").write_text(json.dumps({"servers": servers}), encoding="utf-8")
        path = tmp_path / "settings.json"
        content = {
            "audio": str(SMOKE / "deploy.wav"),
            "expected_text": WORDS,
            "language": "",
            "similarity": 0.8,
            "timeout_seconds": 5,
            "docker_host": f"unix://{tmp_path}/none.sock",
            "endpoints": str(tmp_path / "servers.json"),
            "record": str(tmp_path / "proof.json"),
            "metrics": str(tmp_path / "metrics" / "whisper_proof.prom"),
        }
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)

    return write


def test_the_program_records_servers_that_do_not_run(settings, tmp_path, capsys):
    assert program.main([settings([{"gpu": GPU, "port": 8080}])]) == 1
    (kept,) = json.loads((tmp_path / "proof.json").read_text(encoding="utf-8"))["servers"]
    assert (kept["success"], kept["gpu_used"], kept["port"]) == (False, None, 8080)
    assert "whisper_proof_gpu_used{" not in (tmp_path / "metrics" / "whisper_proof.prom").read_text(encoding="utf-8")
    said = capsys.readouterr()
    assert "NOT PROVEN: no container runs on its port" in said.out
    assert "docker_unreachable: " in said.err


def test_the_program_without_a_file_of_endpoints_says_so(settings, tmp_path, capsys):
    path = settings([])
    (tmp_path / "servers.json").unlink()
    assert program.main([path]) == 2
    assert "endpoints_missing: " in capsys.readouterr().err


@pytest.mark.parametrize("text", ["{", "null", '{"servers": [{"port": "x"}]}'])
def test_the_program_with_a_file_that_names_no_servers_says_so(settings, tmp_path, capsys, text):
    path = settings([])
    (tmp_path / "servers.json").write_text(text, encoding="utf-8")
    assert program.main([path]) == 2
    assert capsys.readouterr().err.startswith("endpoints_missing: ")


@pytest.mark.parametrize("error", [RecursionError("too deep"), KeyError("Id"), ValueError("odd"), OSError("gone")])
def test_a_proof_that_cannot_be_made_loses_none_of_the_others(settings, tmp_path, monkeypatch, error):
    found = [
        {
            "port": port,
            "gpu": None,
            "device_code": None,
            "container": f"server-{port}",
            "url": f"http://127.0.0.1:{port}/",
        }
        for port in (8080, 8081)
    ]
    monkeypatch.setattr(program, "servers", lambda endpoints, containers: found)

    def prove(request):
        if request.container == "server-8080":
            raise error
        return {"text": "hello", "expected_similarity": 1.0, "real_time_factor": 0.1}

    assert program.main([settings([])], prove) == 1
    kept = json.loads((tmp_path / "proof.json").read_text(encoding="utf-8"))["servers"]
    assert [one["success"] for one in kept] == [False, True]


@pytest.mark.parametrize(("proven", "posts"), [(True, 0), (False, 1)])
def test_the_program_leaves_a_proven_server_unloaded(settings, tmp_path, monkeypatch, proven, posts):
    entry = {"port": 8080, "gpu": None, "device_code": None, "container": "server-0", "url": "http://127.0.0.1:9/"}
    monkeypatch.setattr(program, "servers", lambda endpoints, containers: [entry])
    monkeypatch.setattr(activation, "unloaded", lambda port: port == 8080)
    (tmp_path / "proof.json").write_text(json.dumps({"servers": [{"port": 8080, "success": proven, "checked_at": 1}]}))
    asked = []

    def prove(request):
        asked.append(request.url)
        return {"text": "hello", "expected_similarity": 1.0, "real_time_factor": 0.1}

    assert program.main([settings([])], prove) == 0
    assert len(asked) == posts
    (kept,) = json.loads((tmp_path / "proof.json").read_text(encoding="utf-8"))["servers"]
    assert kept["success"] is True
    assert (kept["checked_at"] == 1) is proven


def test_a_server_that_is_unloaded_is_loaded_before_its_proof(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(activation, "unloaded", lambda port: port == 8080)
    monkeypatch.setattr(activation, "load", lambda url: calls.append(f"load {url}"))
    common = {"audio": "x", "expected_text": "x", "timeout_seconds": 1, "docker_host": "unix:///x"}
    for port in (8080, 8081):
        server = {"port": port, "url": f"http://127.0.0.1:{port}/"}
        proof.proof_of(server, common, lambda request: calls.append(f"prove {request.url}") or {})
    assert calls == ["load http://127.0.0.1:8080/", "prove http://127.0.0.1:8080/", "prove http://127.0.0.1:8081/"]


def test_the_archive_runs_alone_and_is_the_same_each_time(settings, tmp_path):
    file = tmp_path / "proof.pyz"
    file.write_bytes(archive(program.__name__))
    assert archive(program.__name__) == file.read_bytes()
    # -I: neither this environment's packages nor its paths.
    python = shutil.which("python3", path="/usr/bin") or sys.executable
    command = [python, "-I", str(file), settings([{"gpu": None, "port": 8080}])]
    done = subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    assert b"port 8080, CPU: NOT PROVEN" in done.stdout
    names = zipfile.ZipFile(io.BytesIO(file.read_bytes())).namelist()
    assert not [name for name in names if "/plugins/modules/" in name]
