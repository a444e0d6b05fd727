# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The activator between real connections, with a server in the place of Docker Engine's container."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import http.client
import json
import socket

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError, Problem
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import activation, activator

NAME = "whisper-server-0"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def listed(name=NAME, state="running", listen="127.0.0.1:8080", minutes="15", address="172.18.0.2"):
    """As `docker ps --all` says it."""
    return {
        "Names": [f"/{name}"],
        "State": state,
        "Labels": {
            "whisperops.server": "whisper-server",
            "whisperops.listen": listen,
            "whisperops.unload_minutes": minutes,
        },
        "NetworkSettings": {"Networks": {"whisperops": {"IPAddress": address}}},
    }


def test_a_container_says_where_it_is_listened_for():
    assert activator.instances([listed(listen="[::1]:8081", minutes="0.5")]) == {
        ("[::1]", 8081): activator.Instance(NAME, "[::1]", 8081, 30.0, True, "172.18.0.2")
    }


@pytest.mark.parametrize(
    ("state", "running"), [("running", True), ("restarting", True), ("exited", False), ("created", False)]
)
def test_only_a_container_that_was_stopped_does_not_run(state, running):
    (instance,) = list(activator.instances([listed(state=state)]).values())
    assert instance.running is running


@pytest.mark.parametrize(
    "container", [listed("whisper-server-0-previous"), listed(listen=""), listed(listen="no port"), {}]
)
def test_what_is_set_aside_or_publishes_its_port_is_left_alone(container):
    assert activator.instances([container]) == {}


def test_of_two_with_one_address_the_one_that_runs_is_meant():
    waits, runs = listed("whisper-server-1", state="exited"), listed("whisper-server-0")
    for order in ([waits, runs], [runs, waits]):
        (instance,) = list(activator.instances(order).values())
        assert instance.container == "whisper-server-0"


class Container:
    """A stub of Docker Engine with one container. The server in it is real."""

    state = "running"
    minutes = "15"
    # Seconds until the server of a container that was started answers.
    delay = 0.0
    # Whether it ends again and again, and whether Docker Engine does not start it at all.
    ends_again = False
    refused = False
    there = True

    def __init__(self, port, **changes):
        self.port = port
        self.restarts = 0
        self.calls = []
        self.requests = []
        self.loop = asyncio.get_running_loop()
        self.server = None
        vars(self).update(changes)

    def instances(self):
        one = listed(state=self.state, listen=f"127.0.0.1:{self.port}", minutes=self.minutes, address="127.0.0.1")
        return activator.instances([one] if self.there else [])

    def start(self, name):
        self.calls.append(("start", name))
        if self.refused:
            raise InspectionError(Problem("docker_error", "no GPU", "none"))
        self.state = "running"
        if not self.ends_again:
            asyncio.run_coroutine_threadsafe(self.serve(self.delay), self.loop)

    def stop(self, name):
        self.calls.append(("stop", name))
        asyncio.run_coroutine_threadsafe(self.end(), self.loop).result()

    def ends(self, name):
        self.restarts += self.ends_again
        return self.restarts

    async def serve(self, delay=0.0):
        await asyncio.sleep(delay)
        self.server = await asyncio.start_server(self.answer, "127.0.0.1", activator.SERVER_PORT)

    async def end(self):
        self.state = "exited"
        self.server.close()

    async def answer(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(dict(line.lower().split(": ") for line in head.splitlines()[1:-1]).get("content-length", 0))
        body = await reader.readexactly(length)
        self.requests.append((head.splitlines()[0], body))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()


def ask(port, method="GET", path="/", body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with contextlib.closing(connection):
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()


@pytest.fixture
def port(monkeypatch):
    monkeypatch.setattr(activator, "SERVER_PORT", free_port())
    return free_port()


class Scene:
    def __init__(self, container, directory):
        self.container = container
        self.proofs = []
        self.activators = activator.Activators(container, directory, lambda: self.proofs.append(True))
        self.file = directory / str(container.port)
        self.looked = asyncio.Event()

    async def ask(self, *arguments, **more):
        call = functools.partial(ask, self.container.port, *arguments, **more)
        return await asyncio.get_running_loop().run_in_executor(None, call)

    async def run(self):
        while True:
            await self.activators.reconcile()
            self.looked.set()
            await asyncio.sleep(0.02)

    async def look(self):
        """Let the activator see what has changed: the first look may have begun before."""
        for _time in range(2):
            self.looked.clear()
            await self.looked.wait()

    async def until(self, holds):
        """Let time pass, at most 20 seconds of it."""
        for _time in range(1000):
            if holds():
                return
            await asyncio.sleep(0.02)
        raise AssertionError("it did not come about")


def on_stage(act, port, directory, **container):
    """Run the activator, and what a test does with it."""

    async def main():
        scene = Scene(Container(port, **container), directory)
        if scene.container.state == "running":
            await scene.container.serve()
        task = asyncio.ensure_future(scene.run())
        await scene.looked.wait()
        try:
            await act(scene)
        finally:
            task.cancel()
            await scene.activators.close(1)

    asyncio.run(main())


def test_a_loaded_server_gets_each_request_as_it_is(port, tmp_path):
    body = bytes(range(256)) * 20000

    async def act(scene):
        assert await scene.ask("POST", "/inference", body) == (200, body)
        assert scene.container.requests == [("POST /inference HTTP/1.1", body)]
        assert scene.container.calls == []
        assert not scene.file.exists()

    on_stage(act, port, tmp_path)


def test_a_server_that_nobody_uses_is_unloaded_and_its_health_is_good(port, tmp_path):
    async def act(scene):
        await scene.until(scene.file.exists)
        await scene.until(lambda: scene.container.state == "exited")
        assert scene.container.calls == [("stop", NAME)]
        assert scene.file.exists()
        # Its own look before it unloads.
        assert scene.container.requests == [("GET /health HTTP/1.0", b"")]
        assert await scene.ask(path="/health") == (200, b'{"status":"ok"}')
        assert len(scene.container.requests) == 1, "the health check has reached the server"
        assert scene.container.calls == [("stop", NAME)], "the health check has loaded the server"

    on_stage(act, port, tmp_path, minutes="0.005")


def test_the_first_request_loads_the_server_and_others_wait_with_it(port, tmp_path):
    async def act(scene):
        answers = await asyncio.gather(*(scene.ask("POST", "/inference", b"%d" % n) for n in range(5)))
        assert answers == [(200, b"%d" % n) for n in range(5)]
        assert scene.container.calls == [("start", NAME)]
        assert scene.proofs == [True]
        assert not scene.file.exists()

    on_stage(act, port, tmp_path, state="exited", delay=0.6)


def test_while_it_is_loaded_a_server_counts_as_healthy(port, tmp_path):
    async def act(scene):
        waits = asyncio.ensure_future(scene.ask("POST", "/inference", b"speech"))
        await asyncio.sleep(0.3)
        assert await scene.ask(path="/health") == (200, b'{"status":"ok"}')
        assert await waits == (200, b"speech")

    on_stage(act, port, tmp_path, state="exited", delay=0.8)


def test_requests_keep_a_server_loaded_and_proofs_do_not(port, tmp_path):
    async def act(scene):
        for _time in range(20):
            await scene.ask()
            await asyncio.sleep(0.1)
        assert scene.container.calls == []
        ended = asyncio.get_running_loop().time() + 20
        while not scene.container.calls and asyncio.get_running_loop().time() < ended:
            await scene.ask(headers={"User-Agent": activation.USER_AGENT})
            await asyncio.sleep(0.1)
        assert scene.container.calls[0] == ("stop", NAME)

    on_stage(act, port, tmp_path, minutes="0.025")


def test_a_request_that_runs_is_not_cut_off(port, tmp_path):
    async def act(scene):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /inference HTTP/1.1\r\nContent-Length: 6\r\n\r\nspe")
        await asyncio.sleep(1.5)
        assert scene.container.calls == []
        writer.write(b"ech")
        assert (await reader.read()).endswith(b"speech")
        writer.close()

    on_stage(act, port, tmp_path, minutes="0.01")


@pytest.mark.parametrize("fault", [{"ends_again": True}, {"refused": True}])
def test_a_server_that_cannot_be_loaded_is_unavailable_and_not_healthy(fault, port, tmp_path):
    async def act(scene):
        status, body = await scene.ask("POST", "/inference", b"speech")
        assert status == 503
        assert json.loads(body)["error"]["code"] == "server_not_loaded"
        assert (await scene.ask(path="/health"))[0] == 503
        # Otherwise the proof would leave it alone.
        assert not scene.file.exists()

    on_stage(act, port, tmp_path, state="exited", **fault)


def test_a_server_that_does_not_answer_does_not_look_well_for_being_unloaded(port, tmp_path):
    async def act(scene):
        scene.container.server.close()
        await asyncio.sleep(1.5)
        assert scene.container.calls == []
        assert (await scene.ask(path="/health"))[0] == 503

    on_stage(act, port, tmp_path, minutes="0.01")


def test_a_server_that_works_again_is_healthy_when_it_is_unloaded(port, tmp_path):
    async def act(scene):
        assert (await scene.ask())[0] == 503
        # As the engine's restarts bring it back when what was missing is there again.
        await scene.container.serve()
        await scene.until(lambda: scene.container.state == "exited")
        await scene.look()
        assert (await scene.ask(path="/health"))[0] == 200

    on_stage(act, port, tmp_path, state="exited", ends_again=True, minutes="0.01")


def test_a_container_that_is_set_aside_is_no_more_listened_for(port, tmp_path):
    async def act(scene):
        assert (await scene.ask())[0] == 200
        scene.container.there = False
        await scene.look()
        with pytest.raises(ConnectionRefusedError):
            await scene.ask()
        assert not scene.file.exists()
        scene.container.there = True
        await scene.look()
        assert (await scene.ask())[0] == 200

    on_stage(act, port, tmp_path)


def test_an_engine_that_does_not_answer_changes_nothing(port, tmp_path, capsys):
    async def act(scene):
        def away():
            raise InspectionError(Problem("docker_unreachable", "It does not answer.", "Start it."))

        scene.container.instances = away
        await scene.look()
        assert await scene.ask("POST", "/inference", b"speech") == (200, b"speech")
        assert capsys.readouterr().err.count("docker_unreachable") == 1

    on_stage(act, port, tmp_path)


def test_a_port_that_somebody_has_is_told_and_taken_when_it_is_free(port, tmp_path, capsys):
    async def act(scene):
        assert "cannot listen on 127.0.0.1" in capsys.readouterr().err
        assert not scene.file.exists()
        taken.close()
        await scene.look()
        assert (await scene.ask())[0] == 200

    with socket.create_server(("127.0.0.1", port)) as taken:
        on_stage(act, port, tmp_path, state="exited")


def test_what_is_no_http_ends(port, tmp_path):
    async def act(scene):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"x" * 200_000)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        assert scene.container.requests == []
        writer.close()

    on_stage(act, port, tmp_path)


def test_loading_waits_until_the_server_answers(port, tmp_path):
    async def act(scene):
        url = f"http://127.0.0.1:{port}/inference"
        await asyncio.get_running_loop().run_in_executor(None, activation.load, url)
        assert scene.container.requests[-1][0] == "GET / HTTP/1.1"

    on_stage(act, port, tmp_path, state="exited", delay=0.3)


def test_whether_a_port_is_unloaded_its_file_says(tmp_path):
    assert not activation.unloaded(8080, str(tmp_path))
    (tmp_path / "8080").touch()
    assert activation.unloaded(8080, str(tmp_path))
