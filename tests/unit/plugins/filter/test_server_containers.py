"""The servers' containers as Docker Engine lists them: recorded from docker_host_info and from `docker ps`."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.filter.port_holder import port_holder
from ansible_collections.whisperops.gpu.plugins.filter.server_containers import server_containers
from ansible_collections.whisperops.gpu.plugins.filter.servers_in_the_way import servers_in_the_way

OF_THE_API = {
    "Command": "whisper-server --host 0.0.0.0",
    "Created": 1795867366,
    "Id": "19fa7f668e5c271b09bc266919d8da0eaf80c3b44cb8d48e6adede4b7d2423a5",
    "Image": "tiny:1",
    "Names": ["/whisper-server-0"],
    "Ports": [
        {"IP": "0.0.0.0", "PrivatePort": 8080, "PublicPort": 8081, "Type": "tcp"},
        {"IP": "::", "PrivatePort": 8080, "PublicPort": 8081, "Type": "tcp"},
        {"PrivatePort": 9000, "Type": "tcp"},
    ],
    "Status": "Up About a minute",
}
OF_THE_CLIENT = {
    "ID": "19fa7f668e5c",
    "Labels": "whisperops.server=whisper-server",
    "Names": "whisper-server-0",
    "Ports": "9000/tcp, 0.0.0.0:8081->8080/tcp, [::]:8081->8080/tcp",
    "State": "running",
}


def listed(name, *ports):
    return {"Names": [f"/{name}"], "Ports": [{"PublicPort": port, "Type": "tcp"} for port in ports]}


@pytest.mark.parametrize("container", [OF_THE_API, OF_THE_CLIENT])
def test_a_server_is_found_with_the_port_that_it_holds_on_the_host(container):
    assert server_containers([container], "whisper-server") == [
        {"name": "whisper-server-0", "server": "whisper-server-0", "previous": False, "ports": [8081]}
    ]


@pytest.mark.parametrize("ports", [[], None, ""])
def test_a_server_that_is_stopped_holds_none(ports):
    (found,) = server_containers([{"Names": "whisper-server-0", "Ports": ports}], "whisper-server")
    assert found["ports"] == []


@pytest.mark.parametrize(
    "labels",
    [
        "whisperops.limits=memory,whisperops.listen=[::1]:8090,whisperops.server=whisper-server",
        {"whisperops.listen": "[::1]:8090", "whisperops.server": "whisper-server"},
    ],
)
def test_one_that_is_unloaded_holds_the_port_of_the_activator(labels):
    container = {"Names": "whisper-server-0", "Ports": "", "State": "exited", "Labels": labels}
    (found,) = server_containers([container], "whisper-server")
    assert found["ports"] == [8090]


def test_one_that_was_set_aside_is_told_with_the_name_that_it_had():
    (found,) = server_containers([listed("whisper-server-12-previous")], "whisper-server")
    assert (found["server"], found["previous"]) == ("whisper-server-12", True)


@pytest.mark.parametrize(
    "name", ["whisper-server", "whisper-server-a", "my-whisper-server-0", "whisperXserver-0", "whisper-server-0-old"]
)
def test_a_container_of_another_name_is_no_server(name):
    assert server_containers([listed(name)], "whisper.server") == []
    assert server_containers([listed(name)], "whisper-server") == []


def in_the_way(*running, planned=("s-0", "s-1")):
    return servers_in_the_way(server_containers(running, "s"), "s-0", 8080, list(planned))


def test_another_server_on_the_port_is_in_the_way():
    assert in_the_way(listed("s-0", 8080), listed("s-1", 8081)) == []
    assert in_the_way(listed("s-0", 8081), listed("s-1", 8080)) == ["s-1"]


def test_a_server_that_the_plan_no_longer_has_is_in_the_way_whatever_its_port():
    assert in_the_way(listed("s-1", 8081), listed("s-2", 8082)) == ["s-2"]
    assert in_the_way(listed("s-2", 8080)) == ["s-2"]


def test_the_server_itself_and_what_was_set_aside_are_not():
    assert in_the_way(listed("s-0", 8080), listed("s-1-previous", 8080), planned=[]) == []


LISTENING = """LISTEN 0      4096   127.0.0.1:18080 0.0.0.0:* users:(("docker-proxy",pid=19246,fd=4))
LISTEN 0      5            [::]:8080       [::]:* users:(("python3",pid=411,fd=3),("python3",pid=412,fd=3))
LISTEN 0      128      0.0.0.0:2049  0.0.0.0:*
"""


@pytest.mark.parametrize(
    ("port", "holder"),
    [
        (8080, "python3, process 411"),
        ("8080", "python3, process 411"),
        (18080, "docker-proxy, process 19246"),
        (2049, "something"),
        (808, ""),
        (80, ""),
    ],
)
def test_the_holder_of_a_port_is_named(port, holder):
    assert port_holder(LISTENING, port) == holder


@pytest.mark.parametrize("listening", ["", None])
def test_where_nobody_listens_every_port_is_free(listening):
    assert port_holder(listening, 8080) == ""
