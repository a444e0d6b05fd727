"""The program that holds the list of changes to what is seen on a lab host: it finds each kind of untruth."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[1] / "lab" / "observed_changes.py"
BEFORE = {
    "engine": {"installed": False},
    "packages": {},
    "images": {},
    "models": {},
    "servers": [],
    "units": {},
}
AFTER = {
    **BEFORE,
    "engine": {"installed": True},
    "packages": {"docker.io": {"version": "26"}, "python3-requests": {"version": "2"}, "nftables": {"version": "1"}},
    "images": {"whisperops/whisper.cpp:cpu-1": "sha256:1"},
    "models": {"ggml-base.en.bin": "1 byte of 1", "ggml-silero-v6.2.0.bin": "1 byte of 1"},
    "files": {"/etc/whisper/firewall.nft": "sha256:1"},
    "firewall": "sha256:2",
    "servers": [{"name": "whisper-server-0", "id": "1"}],
}
LIST = [
    {"action": "install", "what": "Docker Engine"},
    {"action": "install", "what": "python3-requests"},
    {"action": "install", "what": "nftables"},
    {"action": "build", "what": "a local image"},
    {"action": "configure", "what": "the firewall of the servers"},
    {"action": "download", "what": "the model"},
    {"action": "download", "what": "the model for voice activity detection"},
    {"action": "create", "what": "whisper-server-0"},
    {"action": "check", "what": "role whisper_proof"},
]
GATEWAY = {
    "packages": {"haproxy": "3"},
    "programs": ["/usr/local/lib/whisperops/nvidia_gpu_exporter-1/nvidia_gpu_exporter"],
    "gateway": {"listen": "127.0.0.1:8000", "servers": {"gpu-1-0": "127.0.0.1:8080"}, "clients": ["newsroom"]},
    "files": {
        "/etc/haproxy/haproxy.cfg": "sha256:1",
        "/etc/whisper/gateway/self-signed.pem": "sha256:2",
        "/usr/local/lib/whisper/proof_agent.py": "sha256:3",
        "/etc/systemd/system/whisper-proof-agent.socket": "sha256:4",
        "/etc/systemd/system/whisper-node-exporter.service": "sha256:5",
        "/usr/local/lib/whisperops/host_metrics.pyz": "sha256:6",
    },
}
OF_THE_GATEWAY = [
    {"action": "install", "what": "haproxy"},
    {"action": "add", "what": "server gpu-1-0"},
    {"action": "configure", "what": "the API keys"},
    {"action": "create", "what": "the certificate"},
    {"action": "configure", "what": "HAProxy"},
    {"action": "install", "what": "the proof agent"},
    {"action": "download", "what": "the GPU exporter"},
    {"action": "create", "what": "whisper-node-exporter.service"},
    {"action": "create", "what": "host_metrics.pyz"},
]


def record(**changes):
    return {"list": LIST, "host": BEFORE, "tasks": [], "listed_tasks": [], **changes}


def compare(folder, check, run, after):
    for name, one in (("check.json", check), ("run.json", run)):
        (folder / name).write_text(json.dumps({"lab": one}), encoding="utf-8")
    command = [sys.executable, str(PROGRAM), str(folder), "lab"]
    return subprocess.run(command, input=json.dumps(after), capture_output=True, text=True, check=False)


def test_a_true_list_passes(tmp_path):
    done = compare(tmp_path, record(), record(), AFTER)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_true_list_of_gateway_and_exporters_passes(tmp_path):
    told = record(list=[*LIST, *OF_THE_GATEWAY])
    done = compare(tmp_path, told, told, {**AFTER, "services": GATEWAY})
    assert (done.returncode, done.stdout) == (0, "")


def test_a_role_by_itself_may_know_less_in_check_mode(tmp_path):
    check = record(list=None, listed_tasks=["Record the installed packages"])
    run = record(list=None, listed_tasks=["Record the installed packages", "Install the toolkit"])
    assert compare(tmp_path, check, run, AFTER).returncode == 0


@pytest.mark.parametrize(
    ("check", "run", "after", "said"),
    [
        (record(list=LIST[:4]), record(list=LIST[:4]), AFTER, "seen on the host, and not in the list"),
        (record(), record(), {**AFTER, "models": {}}, "in the list, and not seen on the host"),
        (record(), record(list=LIST[1:]), AFTER, "only in the list of check mode"),
        (record(), record(tasks=["Install HAProxy"]), AFTER, "tasks that the run alone changes"),
        (
            record(list=None),
            record(list=None, listed_tasks=["Install Docker Engine"]),
            AFTER,
            "changes of which check mode says nothing",
        ),
        (
            record(list=None, listed_tasks=["Install the toolkit"]),
            record(list=None, listed_tasks=["Record the installed packages"]),
            AFTER,
            "tasks that check mode alone",
        ),
        (record(), record(), {**AFTER, "services": GATEWAY}, "seen on the host, and not in the list"),
    ],
)
def test_an_untrue_list_is_found(tmp_path, check, run, after, said):
    done = compare(tmp_path, copy.deepcopy(check), copy.deepcopy(run), after)
    assert done.returncode == 1
    assert said in done.stdout
