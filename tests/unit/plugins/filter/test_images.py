"""Where the engine keeps images, and whether what was built is what was planned."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.filter.device_code_match import device_code_match
from ansible_collections.whisperops.gpu.plugins.filter.image_store import image_store

ENGINE_28 = {"DockerRootDir": "/srv/docker", "DriverStatus": [["Backing Filesystem", "extfs"]]}
ENGINE_29 = {
    "DockerRootDir": "/var/lib/docker",
    "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
    "Containerd": {"Address": "/run/containerd/containerd.sock"},
}
DUMP = "version = 3\nroot = '/srv/containerd'\nstate = '/run/containerd'\n"


@pytest.mark.parametrize("engine", [ENGINE_28, {**ENGINE_28, "DriverStatus": None}])
def test_older_engines_keep_images_under_their_own_root(engine):
    assert image_store(engine, DUMP) == {"in_containerd": False, "path": "/srv/docker"}


@pytest.mark.parametrize(
    ("dump", "path"),
    [
        (DUMP, "/srv/containerd"),
        (DUMP.replace("'", '"'), "/srv/containerd"),
        ("", "/var/lib/containerd"),
        (None, "/var/lib/containerd"),
        ("  root = '/nested'\n", "/var/lib/containerd"),
    ],
)
def test_newer_engines_keep_them_where_containerd_has_its_root(dump, path):
    assert image_store(ENGINE_29, dump) == {"in_containerd": True, "path": path}


def test_a_containerd_of_the_engine_is_under_the_engines_root():
    own = {**ENGINE_29, "Containerd": {"Address": "/var/run/docker/containerd/containerd.sock"}}
    assert image_store(own, DUMP) == {"in_containerd": False, "path": "/var/lib/docker"}


def test_an_engine_that_does_not_name_its_containerd_uses_the_hosts():
    assert image_store({**ENGINE_29, "Containerd": None})["in_containerd"] is True


def code(*targets, **other):
    return {"sass": list(targets), "complete": list(targets), "ptx": [], **other}


@pytest.mark.parametrize(
    ("found", "architectures", "planned"),
    [
        (code("61"), "61-real", ["61"]),
        (code("90", "61"), "90-real;61-real", ["61", "90"]),
        (code("121a", "120a"), "120-real;121-real", ["120", "121"]),
    ],
)
def test_an_image_with_the_planned_code_matches(found, architectures, planned):
    assert device_code_match(found, architectures) == {"planned": planned, "matches": True}


@pytest.mark.parametrize(
    "found",
    [
        code(),
        code("61"),
        code("61", "90", "100"),
        code("61", "90", ptx=[{"arch": "90", "isa": "8.4"}]),
        code("61", "90", complete=["61"]),
        code("61", "90a"),
    ],
)
def test_an_image_with_other_code_does_not(found):
    assert device_code_match(found, "61-real;90-real")["matches"] is False
