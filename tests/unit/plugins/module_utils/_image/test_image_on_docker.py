"""The same against a real Docker Engine, where one answers: an image made from a fixture is read back."""

from __future__ import annotations

import io
import os
import sys
import tarfile
import uuid
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._image import docker_api, inspection

sys.path.insert(0, str(Path(__file__).parent))
from fatbin_fixtures import DIRECTORY  # beside this file
from stand_in_engine import export_tar  # beside this file

docker = pytest.importorskip("docker", reason="needs the Python package docker")

URL = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
SEVERAL = (DIRECTORY / "cuda-12.4" / "several.so").read_bytes()
PTX_ONLY = (DIRECTORY / "cuda-12.4" / "ptx_only.so").read_bytes()


@pytest.fixture
def client() -> Iterator[Any]:
    if not URL.startswith("unix://"):
        pytest.skip(f"DOCKER_HOST is {URL}, not a unix socket")
    try:
        client = docker.DockerClient(base_url=URL, timeout=60)
        client.ping()
    except docker.errors.DockerException as error:
        pytest.skip(f"no Docker Engine answers at {URL}: {error}")
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
    engine = docker_api.Engine(docker_api.socket_path(URL), 60)
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
    engine = docker_api.Engine(docker_api.socket_path(URL), 60)
    with engine.never_started_container(client.images.get(reference).id) as name, engine.export(name) as stream:
        archive = io.BytesIO(stream.read())
    with tarfile.open(fileobj=archive, mode="r:") as exported:
        assert "app/libggml-cuda.so" in exported.getnames()
        assert exported.getmember("usr/local/cuda").linkname == "cuda-12.4"
