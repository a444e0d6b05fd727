from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.container import (
    Containers,
    described,
    from_start,
    reached_at,
    seconds_of,
    without_frames,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.servers import servers
from hypothesis import given
from hypothesis import strategies as st

FIXTURES = Path(__file__).parents[4] / "fixtures" / "whisper_server"


def inspected(**host):
    """The keys that are read of what `docker inspect` gives."""
    return {
        "Id": "ab" * 32,
        "Name": "/whisper-server-0",
        "State": {
            "Pid": 4108,
            "Running": True,
            "StartedAt": "2026-11-22T19:44:20.5Z",
            "FinishedAt": "0001-01-01T00:00:00Z",
        },
        "Config": {
            "Env": ["PATH=/bin", "NVIDIA_VISIBLE_DEVICES=GPU-1"],
            "Cmd": ["--inference-path", "/v1/x"],
            "Tty": False,
        },
        "HostConfig": host,
        "NetworkSettings": {"Ports": {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8081"}], "9/tcp": None}},
    }


def test_a_stream_of_a_real_engine_without_its_frames():
    content = (FIXTURES / "docker_stream.bin").read_bytes()
    text = without_frames(content).decode()
    assert text.startswith("load_backend: loaded CPU backend from /app")
    assert text.endswith("Caught signal 15, shutting down gracefully...\n")


@given(st.binary())
def test_any_stream_can_be_read(content):
    assert len(without_frames(content)) <= len(content)


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ("2026-11-22T19:44:20.5Z", "1795376660.5"),
        ("2026-11-22T19:44:20Z", "1795376660"),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
    ],
)
def test_moments_are_what_docker_takes(moment, seconds):
    assert seconds_of(moment) == seconds


def test_a_log_from_its_start():
    stamped = "2026-11-22T19:44:21.1Z first\n2026-11-22T20:00:00Z second\n"
    assert from_start(stamped, "1795376660.5") == "first\nsecond"


def test_a_log_that_begins_late_has_lost_its_start():
    # What is left may begin with what a client had the server print.
    assert from_start("2026-11-22T19:54:21.1Z whisper_model_load: loading model\n", "1795376660.5") == ""
    assert from_start("", "1795376660.5") == ""
    assert from_start("no time at all\n", "1795376660.5") == ""


@pytest.mark.parametrize(
    ("host", "has_gpu"),
    [
        ({"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=GPU-1"]}]}, True),
        ({"Runtime": "nvidia"}, True),
        ({"Devices": [{"PathOnHost": "/dev/nvidia0"}]}, True),
        ({"Runtime": "runc"}, False),
        ({"Runtime": "runc", "DeviceRequests": None, "Devices": []}, False),
    ],
)
def test_whether_a_container_was_given_a_gpu(host, has_gpu):
    assert described(inspected(**host)).has_gpu is has_gpu


def test_a_url_leads_to_its_container_or_not():
    container = described(inspected())
    assert reached_at(container, "http://127.0.0.1:8081/v1/x")
    assert not reached_at(container, "http://127.0.0.1:8080/v1/x")
    assert reached_at(described(inspected(NetworkMode="host")), "http://127.0.0.1:8080/v1/x")


def test_what_the_activator_listens_on_leads_to_the_container():
    activated = inspected()
    activated["Config"]["Labels"] = {"whisperops.listen": "127.0.0.1:8090"}
    activated["NetworkSettings"] = {"Ports": {"8080/tcp": None}}
    assert described(activated).published == {8090: "127.0.0.1"}


class Told(Containers):
    """An engine that answers with what a test gives it, and keeps what it was asked."""

    def __init__(self, status=200, listed=()):
        super().__init__("/none", 1)
        self.status = status
        self.listed = listed
        self.asked = []

    @contextlib.contextmanager
    def request(self, method, target, body=None):
        self.asked.append(f"{method} {target}")
        answer = io.BytesIO(json.dumps(list(self.listed)).encode())
        answer.status = self.status
        yield answer

    def named(self, name):
        (found,) = [one for one in self.listed if one["Id"] == name]
        inspection = {**inspected(), "Name": found["Names"][0]}
        inspection["State"] = {"Running": found["State"] == "running", "Pid": int(found["State"] == "running")}
        return described(inspection)


def test_servers_that_a_request_starts_count_with_those_that_run():
    states = {"runs": "running", "unloaded": "exited", "unloaded-previous": "exited", "ended": "exited"}
    activated = {"whisperops.listen": "127.0.0.1:8090"}
    listed = [
        {"Id": name, "Names": [f"/{name}"], "State": state, "Labels": activated if "unloaded" in name else {}}
        for name, state in states.items()
    ]
    assert [one.name for one in Told(listed=listed).labelled("whisperops.server")] == ["runs", "unloaded"]


@pytest.mark.parametrize("what", ["start", "stop"])
@pytest.mark.parametrize("status", [204, 304])
def test_a_container_is_started_and_stopped(what, status):
    engine = Told(status)
    getattr(engine, what)("whisper-server-0")
    assert engine.asked == [f"POST /containers/whisper-server-0/{what}"]


def test_a_container_that_the_engine_does_not_start_is_a_problem():
    with pytest.raises(InspectionError, match="Docker refused to start the container whisper-server-0"):
        Told(500).start("whisper-server-0")


def test_servers_are_those_of_the_endpoints_and_one_without_a_container_has_no_url():
    ports = [{"port": 8081, "gpu": "GPU-1", "container": "x", "url": "http://127.0.0.1:8081/v1/x"}]
    ports += [{"port": 8082, "gpu": None, "container": "y", "url": "http://127.0.0.1:8082/v1/x"}]
    assert servers(ports, [described(inspected())]) == [
        {"port": 8081, "gpu": "GPU-1", "container": "whisper-server-0", "url": "http://127.0.0.1:8081/v1/x"},
        {"port": 8082, "gpu": None, "container": None, "url": None},
    ]
