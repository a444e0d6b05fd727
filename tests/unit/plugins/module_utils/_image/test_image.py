"""An image through the Engine API, and the same files as a directory."""

from __future__ import annotations

import os
import signal
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api import client
from ansible_collections.whisperops.gpu.plugins.module_utils._image import docker_images, inspection
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError

sys.path.insert(0, str(Path(__file__).parent))
from fatbin_fixtures import DIRECTORY  # beside this file
from stand_in_engine import StandInEngine  # beside this file

SEVERAL = (DIRECTORY / "cuda-12.4" / "several.so").read_bytes()
PTX_ONLY = (DIRECTORY / "cuda-12.4" / "ptx_only.so").read_bytes()
OBJECT = (DIRECTORY / "cuda-12.4" / "relocatable_object.o").read_bytes()
HOST_PROGRAM = Path(sys.executable).resolve().read_bytes()

# As whisper.cpp's official image lays it out.
FILES = {
    "/app/build/bin/whisper-server": HOST_PROGRAM,
    "/app/build/src/libggml-cuda.so": SEVERAL,
    "/app/build/src/CMakeFiles/ggml-cuda.dir/acc.cu.o": OBJECT,
    "/app/build/src/libggml-cuda.so.0": "libggml-cuda.so",
    "/app/build/bin/libggml-cuda.so": ("/app/build/src/libggml-cuda.so",),
    "/etc/alternatives/cuda": "/usr/local/cuda-12.4",
    "/etc/ld.so.conf": b"include /etc/ld.so.conf.d/*.conf\n",
    "/usr/local/cuda": "/etc/alternatives/cuda",
    "/usr/local/cuda-12.4/compat/libcuda.so.1": "libcuda.so.550.54.15",
    "/usr/local/cuda-12.4/compat/libcuda.so.550.54.15": b"the newer driver's library",
    "/usr/local/cuda-12.4/lib64/libcublas.so.12.4.5.8": PTX_ONLY,
    "/usr/local/cuda-12.4/lib64/libcudart.so.12": "libcudart.so.12.4.127",
    "/usr/local/cuda-12.4/lib64/libcudart.so.12.4.127": b"\x7fELF nothing of it is read",
    "/usr/local/cuda-12.4/lib64/stubs/libcuda.so": b"for the linker",
}
CONFIGURATION = {
    "Env": [
        "PATH=/app/build/bin:/usr/bin",
        "LD_LIBRARY_PATH=/usr/local/cuda/compat:/usr/local/cuda/lib64",
        "CUDA_VERSION=12.4.1",
        "NVIDIA_REQUIRE_CUDA=cuda>=12.4 brand=tesla,driver>=470,driver<471",
        "NVIDIA_API_KEY=must not be told",
        "HOME=/root",
    ],
    "Entrypoint": ["bash", "-c"],
    "Cmd": None,
    "User": "",
    "Labels": {"maintainer": "somebody"},
}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[StandInEngine]:
    stand_in = StandInEngine(tmp_path / "docker.sock")
    yield stand_in
    stand_in.shutdown()
    stand_in.server_close()


def inspect(stand_in: StandInEngine, reference: str) -> dict:
    return inspection.inspect_image(docker_images.Images(client.socket_path(stand_in.url), 10), reference)


def codes(result: dict) -> list:
    return [problem["code"] for problem in result["problems"]]


def failure(stand_in: StandInEngine, reference: str) -> str:
    with pytest.raises(InspectionError) as caught:
        inspect(stand_in, reference)
    assert caught.value.problem.remedy
    return caught.value.problem.code


def test_everything_that_decides_whether_an_image_runs(engine: StandInEngine) -> None:
    image_id = engine.add_image("ghcr.io/ggml-org/whisper.cpp:main-cuda", CONFIGURATION, FILES)
    result = inspect(engine, "ghcr.io/ggml-org/whisper.cpp:main-cuda")
    assert [library["path"] for library in result["libraries"]] == [
        "/app/build/bin/libggml-cuda.so",
        "/app/build/src/libggml-cuda.so",
        "/usr/local/cuda-12.4/lib64/libcublas.so.12.4.5.8",
    ]
    assert result["sass"] == result["complete"] == ["50", "86", "90"]
    assert result["ptx"] == result["complete_ptx"] == [{"arch": "90", "isa": "8.4"}]
    assert (result["cuda_version"], result["cuda_version_source"]) == ("12.4.1", "environment")
    assert result["require_cuda"] == "cuda>=12.4 brand=tesla,driver>=470,driver<471"
    assert result["compat_libraries"] == [
        "/usr/local/cuda-12.4/compat/libcuda.so.1",
        "/usr/local/cuda-12.4/compat/libcuda.so.550.54.15",
    ]
    assert codes(result) == ["compat_library_shadows_driver"]
    assert result["image_id"] == image_id
    assert (result["entrypoint"], result["cmd"], result["user"]) == (["bash", "-c"], None, None)
    assert (result["platform"], result["labels"]) == ("linux/amd64", {"maintainer": "somebody"})
    assert sorted(result) == sorted(inspection.empty_result())


def test_only_variables_of_interest_are_told_and_no_secret(engine: StandInEngine) -> None:
    engine.add_image("a", CONFIGURATION, FILES)
    assert sorted(inspect(engine, "a")["environment"]) == [
        "CUDA_VERSION",
        "LD_LIBRARY_PATH",
        "NVIDIA_REQUIRE_CUDA",
        "PATH",
    ]


def test_the_image_is_never_run_and_nothing_is_left(engine: StandInEngine) -> None:
    image_id = engine.add_image("a", CONFIGURATION, FILES)
    inspect(engine, "a")
    assert [call.split("-info-")[0] for call in engine.calls] == [
        "GET /images/a/json",
        "POST /containers/create",
        "GET /containers/whisperops-cuda-image",
        "DELETE /containers/whisperops-cuda-image",
    ]
    assert engine.containers == {}
    assert inspect(engine, image_id)["image_id"] == image_id


def test_a_directory_with_the_same_files_tells_the_same(engine: StandInEngine, tmp_path: Path) -> None:
    engine.add_image("a", {}, FILES)
    root = tmp_path / "root"
    for path, content in FILES.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            file.write_bytes(content)
        elif isinstance(content, str):
            file.symlink_to(content)
        else:
            os.link(root / content[0].lstrip("/"), file)
    of_image, of_directory = inspect(engine, "a"), inspection.inspect_path(str(root))
    for key in ("libraries", "sass", "ptx", "complete", "complete_ptx", "compat_libraries", "problems", "cuda_version"):
        assert of_directory[key] == of_image[key], key
    assert (of_image["cuda_version"], of_image["cuda_version_source"]) == ("12.4", "libcudart")


def test_a_large_library_goes_through_a_file_and_not_through_memory(engine: StandInEngine) -> None:
    large = SEVERAL + bytes(48 * 1024 * 1024)
    engine.add_image("a", {}, {"/app/libggml-cuda.so": large})
    tracemalloc.start()
    try:
        result = inspect(engine, "a")
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result["sass"] == ["50", "86", "90"]
    assert result["libraries"][0]["size_bytes"] == len(large)
    assert peak < len(large) / 2


def test_an_image_for_the_cpu_is_no_failure(engine: StandInEngine) -> None:
    files = {"/app/whisper-server": HOST_PROGRAM, "/app/libggml-cpu-haswell.so": b"x", "/app/libggml-cpu-x64.so": b"x"}
    engine.add_image("cpu", {"Env": None, "Labels": None}, files)
    result = inspect(engine, "cpu")
    assert codes(result) == ["no_device_code"]
    assert result["cpu_baseline"] == "all variants"
    assert result["cuda_version"] is None


def test_nvidias_libraries_alone_are_no_application(engine: StandInEngine) -> None:
    engine.add_image("base", {}, {"/usr/lib/libcublas.so.12": SEVERAL})
    result = inspect(engine, "base")
    assert (result["sass"], len(result["libraries"])) == ([], 1)
    assert codes(result) == ["no_device_code"]


def test_a_truncated_library_in_an_image_is_a_problem_not_a_failure(engine: StandInEngine) -> None:
    engine.add_image("a", {}, {"/app/libggml-cuda.so": SEVERAL[:-100], "/app/other.so": PTX_ONLY})
    result = inspect(engine, "a")
    assert "truncated" in codes(result)
    assert [library["path"] for library in result["libraries"]] == ["/app/other.so"]


@pytest.mark.parametrize("reference", ["nothing:here", "../containers/json", "a b", "", "a?b=c", "a\r\nX: y"])
def test_an_image_that_is_not_there(engine: StandInEngine, reference: str) -> None:
    assert failure(engine, reference) == "image_not_found"
    assert not any("containers" in call for call in engine.calls)


@pytest.mark.parametrize("refused", ["GET /images", "POST /containers/create"])
def test_an_engine_that_refuses_says_so_in_its_own_words(engine: StandInEngine, refused: str) -> None:
    engine.add_image("a", {}, FILES)
    engine.refuse[refused] = 403
    with pytest.raises(InspectionError, match=r"refused by the test \(HTTP 403\)"):
        inspect(engine, "a")


def test_an_export_that_breaks_off_is_told_and_the_container_removed(engine: StandInEngine) -> None:
    engine.add_image("a", {}, FILES)
    engine.break_off_after = 64 * 1024
    assert failure(engine, "a") == "docker_error"
    assert engine.containers == {}


def test_a_container_that_cannot_be_removed_is_named(engine: StandInEngine) -> None:
    engine.add_image("a", {}, FILES)
    engine.refuse["DELETE"] = 500
    with pytest.raises(InspectionError) as caught:
        inspect(engine, "a")
    assert caught.value.problem.code == "container_left_behind"
    assert next(iter(engine.containers)) in caught.value.problem.remedy


def test_a_container_pruned_by_somebody_else_meanwhile_is_fine(engine: StandInEngine) -> None:
    engine.add_image("a", {}, FILES)
    engine.refuse["DELETE"] = 404
    assert inspect(engine, "a")["sass"] == ["50", "86", "90"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_ending_the_module_removes_the_container(engine: StandInEngine, number: int) -> None:
    image_id = engine.add_image("a", {}, FILES)
    before = signal.getsignal(number)
    reader = docker_images.Images(client.socket_path(engine.url), 10)

    def read_until_ended() -> None:
        with reader.never_started_container(image_id):
            assert len(engine.containers) == 1
            os.kill(os.getpid(), number)
            time.sleep(1)

    with pytest.raises(SystemExit):
        read_until_ended()
    assert engine.containers == {}
    assert signal.getsignal(number) == before


def test_no_engine(tmp_path: Path) -> None:
    with pytest.raises(InspectionError) as caught:
        docker_images.Images(str(tmp_path / "none.sock"), 1).inspect_image("a")
    assert caught.value.problem.code == "docker_unreachable"


@pytest.mark.parametrize(
    "url", ["tcp://127.0.0.1:2375", "ssh://host", "unix://", "unix://relative", "/var/run/docker.sock"]
)
def test_only_a_unix_socket_is_taken(url: str) -> None:
    with pytest.raises(InspectionError) as caught:
        client.socket_path(url)
    assert caught.value.problem.code == "docker_host_unsupported"


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InspectionError) as caught:
        inspection.inspect_path(str(tmp_path / "nothing"))
    assert caught.value.problem.code == "path_not_found"


def test_a_single_file_counts_whatever_its_name(tmp_path: Path) -> None:
    file = tmp_path / "libcublas.so.12"
    file.write_bytes(SEVERAL)
    result = inspection.inspect_path(str(file))
    assert result["sass"] == ["50", "86", "90"]
    assert result["problems"] == []


def test_a_single_file_without_device_code_is_no_failure() -> None:
    assert codes(inspection.inspect_path(sys.executable)) == ["no_device_code"]


def test_a_pipe_in_a_directory_is_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert codes(inspection.inspect_path(str(tmp_path))) == ["no_device_code"]
