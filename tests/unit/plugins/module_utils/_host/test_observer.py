"""One look at a host, from recorded answers of its tools."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._host import engine, files, firewall
from ansible_collections.whisperops.gpu.plugins.module_utils._host.observer import Observer
from ansible_collections.whisperops.gpu.plugins.module_utils._host.packages import Package, packages
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Result

# dpkg-query of Debian 12 for docker.io, which is installed, held packages and one that was removed but left its files.
DPKG = (
    "docker.io 20.10.24+dfsg1-1+deb12u1+b4 ii \n"
    "nvidia-container-toolkit 1.20.1-1 hi \n"
    "python3-requests 2.28.1+dfsg-1 ii \n"
    "containerd.io  un \n"
    "docker-ce 5:27.5.1-1~debian.12~bookworm rc \n"
)
# rpm of Debian 13 over a database of dnf: one is installed, one is not.
RPM = """docker-ce 3:26.1.5-1.el9 ii
package docker.io is not installed
"""
SOCKETS = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0100007F:C3A8 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 2
"""
SOCKETS_6 = """  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000
"""


def answering(**answers):
    return lambda command: answers[command[0].replace("-", "_")]


def at(root, path, text):
    place = root / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")


@pytest.fixture(name="host")
def a_host(tmp_path):
    at(tmp_path, "/etc/os-release", 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n')
    at(tmp_path, "/proc/net/tcp", SOCKETS)
    at(tmp_path, "/proc/net/tcp6", SOCKETS_6)
    at(tmp_path, "/etc/docker/daemon.json", "{}")
    at(tmp_path, "/var/lib/whisper/models/ggml-base.en.bin", "a model")
    at(tmp_path, "/var/lib/whisper/models/ggml-base.en.bin.part", "half a model")
    at(tmp_path, "/run/systemd/system/.here", "")
    at(tmp_path, "/etc/whisper/plan.json", '{"servers": []}')
    at(tmp_path, "/var/lib/whisper/speech/jfk.wav", "speech")
    return tmp_path


def observe(root, **changes):
    dpkg, active = Result(1, DPKG, ""), Result(3, "active\n" + "inactive\n" * 11, "")
    settings = {
        "runner": answering(dpkg_query=dpkg, systemctl=active),
        "which": lambda name: f"/usr/bin/{name}" if name == "dpkg-query" else None,
        "engine": lambda host: engine.NOTHING,
        **changes,
    }
    return Observer(root=str(root), **settings).observe(
        "/var/lib/whisper/models", "/var/lib/whisper/speech", "unix:///run/docker.sock"
    )


def test_the_look_holds_what_the_host_has(host):
    seen = observe(host)
    assert (seen["distribution"]["id"], seen["distribution"]["version_id"]) == ("debian", "12")
    assert seen["ports"] == [22, 8080]
    assert set(seen["files"]) == {"/etc/docker/daemon.json", "/etc/whisper/plan.json"}
    assert set(seen["models"]) == {"ggml-base.en.bin"}
    assert set(seen["speech"]) == {"/var/lib/whisper/speech/jfk.wav"}
    assert seen["units"]["docker.service"] == "active"
    assert seen["plan"] == {"servers": []}
    assert seen["engine"] == {
        "installed": False,
        "version": None,
        "storage_driver": None,
        "root": None,
        "rootless": False,
        "limits": None,
    }
    assert seen["unseen"] == []
    json.dumps(seen)


def nft(tables, listing="table inet whisperops {\n}\n"):
    return lambda command: tables if command[1:] == ["list", "tables"] else Result(0, listing, "")


def test_the_table_of_the_servers_is_known_by_its_content():
    there = Result(0, "table ip nat\ntable inet whisperops\n", "")
    seen = firewall.loaded(nft(there), lambda name: name)
    assert seen == firewall.loaded(nft(there), lambda name: name)
    assert seen != firewall.loaded(nft(there, "table inet whisperops {\n\tchain a {\n\t}\n}\n"), lambda name: name)


def test_a_table_that_is_gone_is_missing_and_one_that_cannot_be_seen_is_unknown():
    assert firewall.loaded(nft(Result(0, "table inet whisperops_of_theirs\n", "")), lambda name: name) == "missing"
    assert firewall.loaded(nft(Result(0, "", "")), lambda name: None) == "missing"
    assert firewall.loaded(nft(Result(1, "", "Operation not permitted")), lambda name: name) is None


def test_a_package_counts_only_where_it_is_installed():
    found = packages(["docker.io"], answering(dpkg_query=Result(1, DPKG, "")), lambda name: name)
    assert found == {
        "docker.io": Package("20.10.24+dfsg1-1+deb12u1+b4"),
        "nvidia-container-toolkit": Package("1.20.1-1", held=True),
        "python3-requests": Package("2.28.1+dfsg-1"),
    }


def test_rpm_s_words_on_what_is_missing_are_no_package():
    found = packages(["docker-ce"], answering(rpm=Result(1, RPM, "")), lambda name: name if name == "rpm" else None)
    assert found == {"docker-ce": Package("3:26.1.5-1.el9")}


def test_a_host_without_a_package_manager_is_seen_as_far_as_it_goes(host):
    seen = observe(host, which=lambda name: None)
    assert seen["packages"] is None
    assert "dpkg" in seen["unseen"][0]


def test_an_engine_that_does_not_answer_is_told_and_no_failure(host):
    at(host, "/run/docker.sock", "")
    silent = engine.NOTHING._replace(error="docker_permission_denied: No permission.")
    seen = observe(host, engine=lambda address: silent)
    assert (seen["engine"]["installed"], seen["engine"]["version"]) == (True, None)
    assert seen["unseen"] == ["Docker Engine: docker_permission_denied: No permission."]


def test_records_of_another_form_are_none(host):
    for text in ("[]", "{", "[" * 100_000, ""):
        at(host, "/etc/whisper/applied.json", text)
        assert observe(host)["applied"] is None


def test_a_pipe_in_place_of_a_file_is_not_waited_for(host):
    os.mkfifo(host / "etc/whisper/proof-settings.json")
    os.mkfifo(host / "etc/whisper/applied.json")
    seen = observe(host)
    assert "/etc/whisper/proof-settings.json" not in seen["files"]
    assert seen["applied"] is None


def test_free_space_is_that_of_the_directory_that_will_be_made(tmp_path):
    assert files.free_mib(str(tmp_path / "not/made/yet")) == files.free_mib(str(tmp_path))


def test_a_container_is_described_as_docker_lists_it():
    listed = {
        "Id": "f" * 64,
        "Names": ["/whisper-server-0"],
        "ImageID": "sha256:1",
        "State": "running",
        "Status": "Up 3 minutes",
        "Ports": [{"IP": "127.0.0.1", "PrivatePort": 8080, "PublicPort": 8080, "Type": "tcp"}],
        "Labels": {
            "whisperops.server": "whisper-server",
            "whisperops.model": "ggml-base.en.bin@sha256:a",
            "whisperops.limits": "memory: 4096 MiB, processes: 512",
        },
    }
    assert engine.server(listed) == {
        "name": "whisper-server-0",
        "id": "f" * 64,
        "image": "sha256:1",
        "state": "running",
        "status": "Up 3 minutes",
        "ports": [8080],
        "server": "whisper-server",
        "model": "ggml-base.en.bin@sha256:a",
        "limits": "memory: 4096 MiB, processes: 512",
    }
    stopped = {**listed, "State": "exited", "Ports": []}
    assert (engine.server(stopped)["state"], engine.server(stopped)["ports"]) == ("exited", [])
    stopped["Labels"] = {**listed["Labels"], "whisperops.listen": "127.0.0.1:8080"}
    assert (engine.server(stopped)["state"], engine.server(stopped)["ports"]) == ("unloaded", [8080])


@pytest.mark.parametrize("answer", [b"[]", b"{}", b"null", b"[1]", b"not JSON"])
def test_an_engine_that_answers_in_another_form_is_told(tmp_path, answer):
    """The socket of something else. What it answers first has to be an object, then lists of objects."""
    path = str(tmp_path / "docker.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(5)
        threading.Thread(target=serve, args=(listener, answer), daemon=True).start()
        seen = engine.observe_engine(f"unix://{path}")
    assert seen.version is None
    assert seen.error.startswith("docker_error: ")


@pytest.mark.parametrize(
    ("options", "rootless"), [(["name=seccomp", "name=rootless"], True), (None, False), (5, False)]
)
def test_an_engine_tells_whether_it_runs_without_root(monkeypatch, options, rootless):
    answers = {"/info": {"ServerVersion": "28", "SecurityOptions": options}}
    monkeypatch.setattr(engine.Engine, "ask", lambda client, target: answers.get(target, []))
    assert engine.observe_engine("unix:///run/docker.sock").rootless is rootless


def test_an_engine_tells_which_limits_it_can_set(monkeypatch):
    told = {"MemTotal": 8 << 30, "MemoryLimit": True, "SwapLimit": False, "PidsLimit": False}
    monkeypatch.setattr(engine.Engine, "ask", lambda client, target: told if target == "/info" else [])
    seen = engine.observe_engine("unix:///run/docker.sock").limits
    assert seen == {"memory_total_mib": 8192, "memory": True, "swap": False, "processes": False}


@pytest.mark.parametrize("total", [None, 0, "8 GB"])
def test_an_engine_that_tells_of_no_limit_is_taken_to_know_them(total):
    expected = {"memory_total_mib": None, "memory": True, "swap": True, "processes": True}
    assert engine.limits({"MemTotal": total}) == expected


def serve(listener, answer):
    with contextlib.suppress(OSError):
        while True:
            connection, _address = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))


def test_images_are_known_by_tag_and_by_digest():
    images = [
        {"Id": "sha256:1", "RepoTags": ["a:1"], "RepoDigests": ["a@sha256:d"]},
        {"Id": "sha256:2", "RepoTags": ["<none>:<none>"], "RepoDigests": None},
    ]
    assert engine.references(images) == {"a:1": "sha256:1", "a@sha256:d": "sha256:1"}
