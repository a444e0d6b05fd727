"""The agent that tells HAProxy whether a server's proof failed: its answers, and that they come over its socket."""

from __future__ import annotations

import argparse
import importlib.util
import json
import socket
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
SPECIFICATION = importlib.util.spec_from_file_location(
    "proof_agent", ROOT / "roles" / "whisper_gateway" / "files" / "proof_agent.py"
)
proof_agent = importlib.util.module_from_spec(SPECIFICATION)
SPECIFICATION.loader.exec_module(proof_agent)

NOW = 1_800_000_000.0
GPU = "GPU-5d4a3c2b"


@pytest.mark.parametrize(
    ("proof", "served"),
    [
        ({"success": True, "gpu": None, "gpu_used": None}, True),
        ({"success": True, "gpu": GPU, "gpu_used": True}, True),
        ({"success": True, "gpu": GPU, "gpu_used": False}, False),
        ({"success": True, "gpu": GPU, "gpu_used": None}, True),
        ({"success": False, "gpu": GPU, "gpu_used": True}, False),
        ({"success": None}, False),
        ({}, False),
        # A CPU server uses no GPU, and is not supposed to.
        ({"success": True, "gpu": None, "gpu_used": False}, True),
    ],
)
@pytest.mark.parametrize("unproven", ["serve", "drain"])
def test_a_proof_that_failed_drains_and_no_other(proof, served, unproven):
    answer, _reason = proof_agent.judge(proof, NOW, unproven, 0)
    assert answer == ("up 100%" if served else "up 0%")


@pytest.mark.parametrize(("unproven", "answer"), [("serve", "up 100%"), ("drain", "up 0%")])
@pytest.mark.parametrize(
    "proof",
    [None, {"success": True, "checked_at": NOW - 61}, {"success": True}, {"success": True, "checked_at": "yesterday"}],
)
def test_without_a_proof_or_with_an_old_one_the_setting_decides(proof, unproven, answer):
    assert proof_agent.judge(proof, NOW, unproven, 60)[0] == answer


def test_a_proof_within_its_age_counts():
    assert proof_agent.judge({"success": True, "checked_at": NOW - 60}, NOW, "drain", 60)[0] == "up 100%"


def test_a_failed_proof_counts_at_any_age():
    assert proof_agent.judge({"success": False, "checked_at": NOW - 61}, NOW, "serve", 60)[0] == "up 0%"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"servers": 3}', '{"servers": [{"port": null}]}', '{"servers": ["x"]}', '{"proofs": []}'],
)
def test_a_file_that_is_no_record_is_no_proof_and_is_told(text, tmp_path, capsys):
    record = tmp_path / "proof.json"
    record.write_text(text, encoding="utf-8")
    assert proof_agent.read_proofs(str(record)) == {}
    assert str(record) in capsys.readouterr().err


def test_a_file_that_is_missing_is_no_proof_and_not_worth_a_word(tmp_path, capsys):
    assert proof_agent.read_proofs(str(tmp_path / "proof.json")) == {}
    assert capsys.readouterr().err == ""


@pytest.fixture
def record(tmp_path):
    path = tmp_path / "proof.json"

    def write(*servers):
        path.write_text(json.dumps({"servers": servers}), encoding="utf-8")

    write.path = path
    return write


@pytest.fixture
def ask(record):
    """Asks an agent that listens as HAProxy does: a connection, a line, a line back."""
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    settings = argparse.Namespace(proof=str(record.path), unproven="serve", max_age=0)
    with proof_agent.Agent(listening, settings) as agent:
        thread = threading.Thread(target=agent.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()

        def exchange(sent):
            with socket.create_connection(address, timeout=10) as connection:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                return connection.makefile("rb").read()

        yield exchange
        agent.shutdown()
        thread.join()


def test_each_port_gets_the_answer_of_its_server_as_the_record_is_now(ask, record):
    record({"port": 8080, "success": True}, {"port": 8081, "success": False})
    assert [ask(b"8080\n"), ask(b"8081\n"), ask(b"8082\n")] == [b"up 100%\n", b"up 0%\n", b"up 100%\n"]
    record({"port": 8080, "success": False}, {"port": 8081, "success": True})
    assert [ask(b"8080\n"), ask(b"8081\n")] == [b"up 0%\n", b"up 100%\n"]


@pytest.mark.parametrize("sent", [b"", b"\n", b"GET / HTTP/1.1\n", b"\xff\n", b"65536\n", b"-1\n", b"1" * 5000])
def test_what_is_no_check_gets_no_answer_and_harms_no_other(ask, sent, record):
    record({"port": 8080, "success": True})
    try:
        assert ask(sent) == b""
    except ConnectionError:
        # More was sent than is read: the connection breaks, which is no answer either.
        assert len(sent) > proof_agent.LONGEST_LINE
    assert ask(b"8080\n") == b"up 100%\n"


def test_a_change_of_the_answer_is_told_once(ask, record, capfd):
    record({"port": 8080, "success": False})
    for _again in range(3):
        ask(b"8080\n")
    record({"port": 8080, "success": True})
    ask(b"8080\n")
    assert capfd.readouterr().err.splitlines() == [
        "port 8080: up 0%, because its last proof failed",
        "port 8080: up 100%, because its last proof succeeded",
    ]
