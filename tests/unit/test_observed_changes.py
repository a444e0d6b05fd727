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
            "tasks that the run alone",
        ),
    ],
)
def test_an_untrue_list_is_found(tmp_path, check, run, after, said):
    done = compare(tmp_path, copy.deepcopy(check), copy.deepcopy(run), after)
    assert done.returncode == 1
    assert said in done.stdout
