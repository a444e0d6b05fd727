"""Docker Engine stays where something in it, or in its containerd, is not this collection's own."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.content import (
    CONTAINERD_DATA,
    CONTAINERD_SOCKET,
    Content,
    Host,
    normalized,
    others,
    own_names,
    users,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.image_removal import remove
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Result

PULLED = {"Id": "sha256:1", "RepoTags": ["debian:trixie-slim"], "RepoDigests": ["debian@sha256:11"]}
BUILT = {"Id": "sha256:2", "RepoTags": ["whisperops/whisper.cpp:cpu-1"], "RepoDigests": None}
SERVER = {"Id": "a", "Names": ["/whisper-server-0"], "ImageID": "sha256:2", "Labels": {"whisperops.server": "x"}}
THEIRS = {"Id": "b", "Names": ["/theirs"], "ImageID": "sha256:9", "Image": "theirs:1", "Labels": {}}
RECORDED = ["docker.io/library/debian:trixie-slim"]


def engine(**changes):
    return {
        "/info": {"Swarm": {"LocalNodeState": "inactive"}},
        "/containers/json?all=1": [SERVER],
        "/images/json": [PULLED, BUILT],
        "/volumes": {"Volumes": None},
        "/networks": [{"Name": name} for name in ("bridge", "host", "none")],
        "/plugins": [],
        **{f"/{target.replace('_json', '/json')}": answer for target, answer in changes.items()},
    }


def containerd(namespaces):
    """ctr, with the names in each kind of each namespace."""

    def run(command):
        assert command[0] == "/usr/bin/ctr"
        if command[1:] == ["namespaces", "list", "--quiet"]:
            return Result(0, "".join(f"{name}\n" for name in namespaces), "")
        _ctr, _option, namespace, kind, *_list = command
        return Result(0, namespaces[namespace].get(kind, ""), "")

    return run


def seen(answers=None, run=None, ctr="/usr/bin/ctr", files=(CONTAINERD_DATA, CONTAINERD_SOCKET)):
    host = Host((answers or engine()).__getitem__, run or containerd({"moby": {"containers": "a"}}), {"ctr": ctr}.get,
                files.__contains__)  # fmt: skip
    return others(host, RECORDED)


def test_what_is_the_collections_own_keeps_nothing():
    assert seen() == []


def with_containers(*containers, **changes):
    return {**engine(**changes), "/containers/json?all=1": [SERVER, *containers]}


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (with_containers(THEIRS), ["container theirs"]),
        ({**engine(), "/images/json": [{"Id": "sha256:9", "RepoTags": ["theirs:1"]}]}, ["image theirs:1"]),
        ({**engine(), "/images/json": [{"Id": "sha256:9", "RepoTags": ["<none>:<none>"]}]}, ["image sha256:9"]),
        (
            {**engine(), "/images/json": [{**PULLED, "RepoTags": [*PULLED["RepoTags"], "theirs:1"]}]},
            ["image debian:trixie-slim"],
        ),
        (engine(volumes={"Volumes": [{"Name": "data"}]}), ["volume data"]),
        (engine(networks=[{"Name": "bridge"}, {"Name": "app"}]), ["network app"]),
        (engine(networks=[{"Name": "whisperops", "Options": None}]), ["network whisperops"]),
        (engine(info={"Swarm": {"LocalNodeState": "active"}}), ["swarm active"]),
        (engine(plugins=[{"Name": "vieux/sshfs:latest"}]), ["plugin vieux/sshfs:latest"]),
    ],
    ids=[
        "container",
        "image",
        "image without a name",
        "image with another name",
        "volume",
        "network",
        "network of theirs with the name of ours",
        "swarm",
        "plugin",
    ],
)
def test_what_is_not_keeps_the_engine(answers, said):
    assert seen(answers) == said


def test_the_network_of_the_servers_does_not_keep_the_engine():
    ours = {"Name": "whisperops", "Options": {"com.docker.network.bridge.name": "whisper0"}}
    assert seen(engine(networks=[ours])) == []


def test_of_many_the_first_are_named():
    volumes = {"Volumes": [{"Name": f"v{number}"} for number in range(7)]}
    assert seen(engine(volumes=volumes))[-2:] == ["volume v4", "2 more of kind volume"]


@pytest.mark.parametrize("kind", ["containers", "images", "content"])
def test_a_namespace_of_kubernetes_with_anything_in_it_keeps_the_engine(kind):
    assert seen(run=containerd({"moby": {}, "k8s.io": {kind: "x\n"}})) == ["containerd namespace k8s.io"]


def test_an_empty_namespace_does_not():
    assert seen(run=containerd({"moby": {"images": "x"}, "default": {}})) == []


def test_what_the_engine_remembers_of_its_builds_does_not():
    assert seen(run=containerd({"moby": {}, "moby_history": {"content": "sha256:1\n"}})) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"files": (CONTAINERD_DATA,)}, "of which no containerd answers"),
        ({"ctr": None}, "of which no containerd answers"),
        ({"run": lambda _command: Result(1, "", "permission denied")}, "permission denied"),
    ],
    ids=["no socket", "no ctr", "no answer"],
)
def test_a_containerd_that_cannot_be_asked_keeps_the_engine(changes, said):
    (one,) = seen(**changes)
    assert said in one


def test_an_engine_with_a_containerd_of_its_own_needs_no_other():
    assert seen(ctr=None, files=()) == []


def test_another_answer_than_dockers_is_a_problem():
    with pytest.raises(InspectionError):
        seen({**engine(), "/networks": {"message": "no"}})


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("debian", "debian:latest"),
        ("docker.io/library/debian:12", "debian:12"),
        ("docker.io/nvidia/cuda:13", "nvidia/cuda:13"),
        ("depot:5000/debian", "depot:5000/debian:latest"),
        ("ghcr.io/a/b:main@sha256:1", "ghcr.io/a/b@sha256:1"),
    ],
)
def test_names_are_compared_as_the_engine_lists_them(name, listed):
    assert normalized(name) == listed


def test_an_image_without_a_tag_is_known_by_its_digest():
    assert own_names({**PULLED, "RepoTags": []}, ["debian:trixie-slim@sha256:11"]) == ["debian@sha256:11"]


@pytest.mark.parametrize(
    "container",
    [
        {**THEIRS, "ImageID": "sha256:1", "Image": "sha256:1"},
        {**THEIRS, "ImageID": "sha256:1", "Image": "renamed:2"},
        {**THEIRS, "ImageID": "sha256:manifest", "Image": "debian:trixie-slim"},
        {**THEIRS, "ImageID": "sha256:manifest", "Image": "debian@sha256:11"},
    ],
    ids=["by ID", "by ID under another name", "by name", "by digest"],
)
def test_an_image_that_somebodys_container_uses_stays_and_is_told(container):
    asked = []
    done = remove(Content([SERVER, container], [PULLED, BUILT]), RECORDED, asked.append, False)
    assert users(PULLED, [container]) == ["theirs"]
    assert done.left == ["debian:trixie-slim (used by container theirs)"]
    assert done.removed == asked == ["whisperops/whisper.cpp:cpu-1"]
    assert "container theirs" in seen({**engine(), "/containers/json?all=1": [container]})


def test_a_container_of_the_collection_keeps_no_image():
    assert users(BUILT, [SERVER]) == []


def test_a_conflict_that_no_container_shows_is_told_too():
    done = remove(Content([], [PULLED]), RECORDED, lambda _name: "image is being used", False)
    assert done == ([], ["debian:trixie-slim (image is being used)"])


def test_check_mode_asks_for_no_removal():
    done = remove(Content([], [PULLED, BUILT]), RECORDED, pytest.fail, True)
    assert done.removed == ["debian:trixie-slim", "whisperops/whisper.cpp:cpu-1"]


def test_of_an_image_with_another_name_only_the_collections_name_goes():
    image = {**PULLED, "RepoTags": ["debian:trixie-slim", "theirs:1"]}
    assert remove(Content([], [image]), RECORDED, lambda _name: None, False).removed == ["debian:trixie-slim"]
