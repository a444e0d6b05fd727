"""The same against a real Docker Engine, where one answers: images made from fixtures are read back.

`make unit-docker` sets WHISPEROPS_DOCKER_HOST to the lab's engine: it was asked for then, and missing it is a failure.
"""

from __future__ import annotations

import io
import os
import sys
import tarfile
import uuid
from pathlib import Path
from typing import Any, Iterator, NoReturn

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.client import socket_path
from ansible_collections.whisperops.gpu.plugins.module_utils._image import docker_images, inspection

sys.path.insert(0, str(Path(__file__).parent))
from fatbin_fixtures import DIRECTORY  # beside this file
from stand_in_engine import export_tar  # beside this file

docker = pytest.importorskip("docker", reason="needs the Python package docker")

ASKED_FOR = "WHISPEROPS_DOCKER_HOST" in os.environ
URL = os.environ.get("WHISPEROPS_DOCKER_HOST") or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
# Made by `tests/lab/engine up trixie`: something with a shell in it, so that a build can delete files.
BASE = "whisperops-lab/debian:trixie"
SEVERAL = (DIRECTORY / "cuda-12.4" / "several.so").read_bytes()
PTX_ONLY = (DIRECTORY / "cuda-12.4" / "ptx_only.so").read_bytes()


def missing(reason: str) -> NoReturn:
    (pytest.fail if ASKED_FOR else pytest.skip)(reason)


@pytest.fixture(scope="module")
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    if not URL.startswith("unix://"):
        missing(f"DOCKER_HOST is {URL}, not a unix socket")
    try:
        client = docker.DockerClient(base_url=URL, timeout=60)
        version = client.version()["Version"]
    except docker.errors.DockerException as error:
        missing(f"no Docker Engine answers at {URL}: {error}")
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\nDocker Engine {version}, storage {client.info()['Driver']}")
    yield client
    client.close()


@pytest.fixture
def reference(client: Any) -> Iterator[str]:
    """Two layers: the second replaces one library of the first and deletes another."""
    name = f"whisperops-test-{uuid.uuid4().hex}"
    first = {
        "/app/libggml-cuda.so": PTX_ONLY,
        "/app/deleted.so": PTX_ONLY,
        "/usr/local/cuda-12.4/compat/libcuda.so.1": b"the newer driver's library",
        "/usr/local/cuda": "cuda-12.4",
        "/etc/ld.so.conf": b"include /etc/ld.so.conf.d/*.conf\n",
    }
    client.api.import_image_from_data(
        export_tar(first),
        repository=name,
        tag="base",
        changes=[
            "ENV CUDA_VERSION=12.4.1 LD_LIBRARY_PATH=/usr/local/cuda/compat",
            'ENTRYPOINT ["bash", "-c"]',
            "USER 1000",
            "LABEL made-by=test",
        ],
    )
    container = client.containers.create(f"{name}:base", command="never")
    try:
        container.put_archive("/", export_tar({"/app/libggml-cuda.so": SEVERAL, "/app/deleted.so": b""}))
        container.commit(repository=name, tag="two-layers")
    finally:
        container.remove()
    yield f"{name}:two-layers"
    client.images.remove(f"{name}:two-layers", force=True)
    client.images.remove(f"{name}:base", force=True)


def test_an_image_of_a_real_engine_is_read_back(client: Any, reference: str) -> None:
    before = {container.id for container in client.containers.list(all=True)}
    engine = docker_images.Images(socket_path(URL), 60)
    result = inspection.inspect_image(engine, reference)
    assert [library["path"] for library in result["libraries"]] == ["/app/libggml-cuda.so"]
    assert result["complete"] == ["50", "86", "90"]
    assert result["cuda_version"] == "12.4.1"
    assert (result["entrypoint"], result["user"], result["labels"]["made-by"]) == (["bash", "-c"], "1000", "test")
    assert [problem["code"] for problem in result["problems"]] == ["compat_library_shadows_driver"]
    assert result["image_id"] == client.images.get(reference).id
    left = {container.id for container in client.containers.list(all=True)} - before
    assert not [each for each in left if client.containers.get(each).name.startswith("whisperops-cuda-image-info")]
    assert inspection.inspect_image(engine, result["image_id"])["complete"] == result["complete"]


def test_the_export_of_a_real_engine_is_what_the_stand_in_sends(client: Any, reference: str) -> None:
    """The other tests rest on the stand-in: names without a leading slash, a plain uncompressed tar."""
    engine = docker_images.Images(socket_path(URL), 60)
    with engine.never_started_container(client.images.get(reference).id) as name, engine.export(name) as stream:
        archive = io.BytesIO(stream.read())
    with tarfile.open(fileobj=archive, mode="r:") as exported:
        assert "app/libggml-cuda.so" in exported.getnames()
        assert exported.getmember("usr/local/cuda").linkname == "cuda-12.4"


LAYERS = f"""
FROM {BASE}
ENV CUDA_VERSION=12.4.1
COPY several.so /app/libggml-cuda.so
COPY ptx_only.so /app/replaced.so
COPY ptx_only.so /app/deleted.so
COPY ptx_only.so /app/directory/below.so
COPY ptx_only.so /app/becomes-directory
COPY ptx_only.so /app/becomes-link.so
RUN rm /app/deleted.so
RUN rm -r /app/directory && mkdir /app/directory && echo new >/app/directory/other
RUN cp /app/libggml-cuda.so /app/replaced.so
RUN rm /app/becomes-directory && mkdir /app/becomes-directory
RUN ln -sf libggml-cuda.so /app/becomes-link.so && ln /app/libggml-cuda.so /app/hard-link.so
"""


@pytest.fixture(scope="module")
def layered(client: Any) -> Iterator[str]:
    if not client.images.list(BASE):
        missing(f"the engine has no image {BASE}; `tests/lab/engine up trixie` makes it")
    name = f"whisperops-test-{uuid.uuid4().hex}:layered"
    context = export_tar({"/Dockerfile": LAYERS.encode(), "/several.so": SEVERAL, "/ptx_only.so": PTX_ONLY})
    client.images.build(
        fileobj=io.BytesIO(context), custom_context=True, tag=name, rm=True, forcerm=True, network_mode="none"
    )
    yield name
    client.images.remove(name, force=True)


def test_what_later_layers_deleted_or_replaced_does_not_count(client: Any, layered: str) -> None:
    """Deleted files, a directory made anew, files that became a directory or a link: whiteouts of every kind."""
    result = inspection.inspect_image(docker_images.Images(socket_path(URL), 60), layered)
    found = {library["path"]: library["sass"] for library in result["libraries"]}
    expected = ["50", "86", "90"]
    assert found == dict.fromkeys(("/app/hard-link.so", "/app/libggml-cuda.so", "/app/replaced.so"), expected)
    assert (result["complete"], result["cuda_version"], result["problems"]) == (expected, "12.4.1", [])


def test_an_image_without_cuda_is_read_and_said_to_have_none(client: Any, layered: str) -> None:
    result = inspection.inspect_image(docker_images.Images(socket_path(URL), 60), BASE)
    assert (result["libraries"], [problem["code"] for problem in result["problems"]]) == ([], ["no_device_code"])
