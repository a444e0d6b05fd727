"""The agent that tells HAProxy whether a server's proof failed: its answers, and that they come over its socket."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import resource
import socket
import subprocess
import sys
import threading
import time
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


@pytest.mark.parametrize(("success", "answer"), [(True, "up 100%"), (False, "up 0%")])
def test_the_proof_of_a_server_that_is_unloaded_may_be_old(success, answer):
    proof = {"success": success, "checked_at": NOW - 10**6}
    assert proof_agent.judge(proof, NOW, "drain", 60, unloaded=True)[0] == answer


@pytest.mark.parametrize(
    ("ahead", "fresh"), [(1, True), (200, True), (400, False), (10**9, False), (float("inf"), False)]
)
def test_a_proof_dated_ahead_is_not_fresh_for_ever(ahead, fresh):
    proof = {"success": True, "checked_at": NOW + ahead}
    assert proof_agent.judge(proof, NOW, "drain", 60)[0] == ("up 100%" if fresh else "up 0%")


@pytest.mark.parametrize("checked_at", [float("nan"), float("-inf"), True, [], {"a": 1}])
def test_a_date_that_is_none_is_not_fresh(checked_at):
    assert proof_agent.judge({"success": True, "checked_at": checked_at}, NOW, "drain", 60)[0] == "up 0%"


NO_RECORDS = [
    "", "{", "[]", "null", '{"servers": 3}', '{"servers": null}', '{"proofs": []}', "[" * 100_000,
    '{"servers": [' + " " * 1_100_000 + "]}",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_RECORDS, ids=range(len(NO_RECORDS)))
def test_a_file_that_is_no_record_leaves_what_was_read_before_and_is_told_once(text, record, capsys):
    seen = proof_agent.Record(str(record.path))
    record({"port": 8080, "success": False})
    before = seen.proofs()
    record.path.write_text(text, encoding="utf-8")
    assert seen.proofs() == seen.proofs() == before == {8080: {"port": 8080, "success": False}}
    assert capsys.readouterr().err.count(f"{record.path} cannot be used") == 1


def test_a_record_that_was_never_readable_says_nothing_of_any_server(record):
    record.path.write_text("{", encoding="utf-8")
    assert proof_agent.Record(str(record.path)).proofs() is None


@pytest.mark.parametrize("odd", [None, "x", [], {}, {"port": None}, {"port": [1]}, {"port": 1e400}, {"port": 70000}])
def test_an_odd_entry_says_nothing_of_the_others(odd, record, capsys):
    record(odd, {"port": 8080, "success": False})
    seen = proof_agent.Record(str(record.path))
    assert seen.proofs() == seen.proofs() == {8080: {"port": 8080, "success": False}}
    assert capsys.readouterr().err.count("passed over") == 1


def test_a_file_that_is_missing_is_no_proof_and_not_worth_a_word(tmp_path, capsys):
    assert proof_agent.Record(str(tmp_path / "proof.json")).proofs() == {}
    assert capsys.readouterr().err == ""


@pytest.fixture
def record(tmp_path):
    path = tmp_path / "proof.json"

    def write(*servers):
        path.write_text(json.dumps({"servers": servers}), encoding="utf-8")

    write.path = path
    return write


@contextlib.contextmanager
def running_agent(record):
    """Where an agent listens."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
    settings = argparse.Namespace(proof=str(record.path), unloaded=str(record.path.parent), unproven="serve", max_age=0)
    running = threading.Event()
    running.set()
    agent = proof_agent.Agent(listening, settings)
    thread = threading.Thread(target=agent.serve, args=(running.is_set, 0.01))
    thread.start()
    try:
        yield listening.getsockname()
    finally:
        running.clear()
        thread.join()
        agent.close()
        listening.close()


@pytest.fixture
def address(record):
    with running_agent(record) as address:
        yield address


@pytest.fixture
def ask(address):
    """As HAProxy does: a connection, a line, a line back."""

    def exchange(sent):
        with socket.create_connection(address, timeout=10) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            return connection.makefile("rb").read()

    return exchange


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
    except OSError:
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


def test_ports_that_nobody_has_do_not_fill_the_log(ask, record, capfd):
    record({"port": 8080, "success": True})
    for port in range(20_000, 20_300):
        ask(b"%d\n" % port)
    assert len(capfd.readouterr().err.splitlines()) == proof_agent.MOST_PORTS_TOLD


def test_a_record_that_cannot_be_used_yet_gets_no_answer(ask, record):
    record.path.write_text('{"servers": [', encoding="utf-8")
    assert ask(b"8080\n") == b""
    record({"port": 8080, "success": False})
    assert ask(b"8080\n") == b"up 0%\n"
    record.path.write_text('{"servers": [', encoding="utf-8")
    assert ask(b"8080\n") == b"up 0%\n"


def test_connections_that_say_nothing_or_little_each_have_one_deadline(address, ask, record, monkeypatch):
    monkeypatch.setattr(proof_agent, "SECONDS_FOR_A_CHECK", 0.5)
    record({"port": 8080, "success": False})
    with contextlib.suppress(ConnectionError), socket.create_connection(address, timeout=10) as slow:
        # A byte now and then does not prolong it.
        while True:
            slow.sendall(b"8")
            time.sleep(0.1)
    with socket.create_connection(address, timeout=10) as silent:
        assert silent.recv(64) == b""
    assert ask(b"8080\n") == b"up 0%\n"


def test_of_more_connections_than_there_is_room_for_the_oldest_ends(record, monkeypatch):
    """Long before its deadline."""
    monkeypatch.setattr(proof_agent, "SECONDS_FOR_A_CHECK", 60)
    monkeypatch.setattr(proof_agent, "MOST_CONNECTIONS", 3)
    with running_agent(record) as address, contextlib.ExitStack() as opened:
        first, *others = [opened.enter_context(socket.create_connection(address, timeout=10)) for _number in range(4)]
        assert first.recv(64) == b""
        for connection in others:
            connection.settimeout(0.1)
            with pytest.raises(TimeoutError):
                connection.recv(64)


PROGRAM = """
import argparse, resource, socket, sys
sys.path.insert(0, {folder!r})
import proof_agent
resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files}))
listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
print(listening.getsockname()[1], flush=True)
proof_agent.Agent(listening, argparse.Namespace(proof={proof!r}, unloaded="", unproven="serve", max_age=0)).serve()
"""


@pytest.mark.parametrize("files", [1024, 40])
def test_a_failed_server_is_drained_while_thousands_of_connections_are_held(record, files):
    """With fewer files than connections allowed, too."""
    record({"port": 8080, "success": False})
    folder = str(ROOT / "roles" / "whisper_gateway" / "files")
    program = PROGRAM.format(folder=folder, files=files, proof=str(record.path))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    held = []
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as agent:
        try:
            address = ("127.0.0.1", int(agent.stdout.readline()))
            for _number in range(2000):
                held.append(socket.create_connection(address, timeout=10))
            for _again in range(3):
                with socket.create_connection(address, timeout=10) as check:
                    check.sendall(b"8080\n")
                    assert check.recv(64) == b"up 0%\n"
        finally:
            agent.terminate()
            for connection in held:
                connection.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
