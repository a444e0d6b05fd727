"""What the tests on a real GPU share: the collection's code without Ansible, one build, one file of results.

Settings, all optional, in the environment:

    WHISPEROPS_WHISPER_SOURCE  an archive or a folder with whisper.cpp's source; else it is fetched
    WHISPEROPS_GPU_WORK        where the build goes and stays (under the system's temporary folder)
    WHISPEROPS_GPU_MODELS      where the models go, 7 GB (/dev/shm where there is room, else the work folder)
    WHISPEROPS_GPU_RESULTS     where the results go (docs/)
    WHISPEROPS_GPU_MINUTES     how long all may take: what would not fit is skipped, and says so
"""

from __future__ import annotations

import datetime
import os
import re
import shutil
import sys
import tempfile
import threading
import time
import types
from pathlib import Path

import pytest

BEGAN = time.monotonic()
ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
COLLECTION = ROOT / ".collections" / "ansible_collections" / "whisperops" / "gpu"

# The link that `make setup` makes; nothing else of the setup is needed here.
if not COLLECTION.exists():
    COLLECTION.parent.mkdir(parents=True, exist_ok=True)
    COLLECTION.symlink_to("../../..")
sys.path[:0] = [str(HERE), str(ROOT / ".collections")]

import hardware  # noqa: E402 - path first
import random_model  # noqa: E402 - path first
import results as results_module  # noqa: E402 - path first
import whisper_build  # noqa: E402 - path first
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.detect import Detector  # noqa: E402 - path first
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.hardware import describe  # noqa: E402 - path first

# What takes long and tells little more comes last.
ORDER = (
    "detection",
    "device_code",
    "proof",
    "container",
    "benchmark",
    "benchmark_on_cpu",
    "servers_per_gpu",
    "servers_under_mps",
    "wrong_architecture",
)
GIB = 1 << 30
MODELS_GIB = 8


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: ORDER.index(item.path.stem[len("test_") :]))


def pytest_report_header():
    return hardware.without_a_gpu() or None


@pytest.fixture(scope="session")
def time_left():
    """Skips the test where too little time is left for it."""
    minutes = float(os.environ.get("WHISPEROPS_GPU_MINUTES", "inf"))

    def need(seconds):
        left = minutes * 60 - (time.monotonic() - BEGAN)
        if left < seconds:
            pytest.skip(f"takes about {seconds:.0f} s; {left:.0f} of WHISPEROPS_GPU_MINUTES={minutes:g} are left")
        return left

    return need


@pytest.fixture(scope="session")
def report():
    reason = hardware.without_a_gpu()
    if reason:
        pytest.skip(reason)
    return Detector().report()


@pytest.fixture(scope="session")
def gpu(report):
    return report.gpus[0]


@pytest.fixture(scope="session")
def plan(report, gpu):
    return hardware.plan_for_a_local_build(report.to_dict(), gpu.uuid)


@pytest.fixture(scope="session")
def nvcc(report):
    found = hardware.cuda_tool("nvcc")
    if found is None:
        pytest.skip("nvcc is neither in PATH nor in /usr/local/cuda/bin: nothing can be compiled for the GPU")
    for tool in ("cmake", "ninja"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: nothing can be built")
    return found


@pytest.fixture(scope="session")
def work():
    folder = Path(os.environ.get("WHISPEROPS_GPU_WORK") or Path(tempfile.gettempdir()) / "whisperops-gpu")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def source(report, work):
    given = os.environ.get("WHISPEROPS_WHISPER_SOURCE", "")
    return whisper_build.bring_source(given, ROOT / "tests/lab/whisper-source.txt", work)


@pytest.fixture(scope="session")
def results(report, gpu, plan, nvcc, source):
    root = Path(os.environ.get("WHISPEROPS_GPU_RESULTS") or ROOT / "docs")
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    name = re.sub(r"[^a-z0-9.]+", "-", f"{today} {gpu.name} {report.driver.version}".lower()).strip("-")
    host = describe(report, Path("/proc/cpuinfo").read_text(), Path("/proc/meminfo").read_text())
    return results_module.Results(
        root,
        name,
        {
            "date": today,
            "gpu": {key: getattr(gpu, key) for key in ("name", "compute_capability", "memory_total_mib")},
            "gpus": len(report.gpus),
            **{key: host[key] for key in ("cpu", "cores", "memory_mib", "kernel", "driver", "cuda_driver_version")},
            "driver_flavor": report.driver.flavor,
            "toolkit": hardware.toolkit_version(nvcc),
            "whisper_cpp": source.version,
            "source_sha256": source.sha256 or None,
            "plan": {key: plan[key] for key in ("verdict", "cmake_cuda_architectures", "cuda_version", "build")},
        },
    )


@pytest.fixture(scope="session")
def models(report, work):
    """Writes them all while the compiler runs; ``models(name)`` waits for one of them."""
    folder = Path(os.environ.get("WHISPEROPS_GPU_MODELS") or _roomy(work)) / "whisperops-models"
    folder.mkdir(parents=True, exist_ok=True)
    errors = []

    def write():
        try:
            noise = random_model.Noise(seed=1)
            for name in random_model.SHAPES:
                if not (folder / f"{name}.bin").exists():
                    random_model.write_model(name, folder / f"{name}.bin", noise)
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()

    def model(name):
        path = folder / f"{name}.bin"
        while not path.exists() and thread.is_alive():
            time.sleep(0.2)
        assert path.exists(), f"{path} could not be written: {errors}"
        return path

    yield model
    thread.join()
    shutil.rmtree(folder)


def _roomy(work):
    memory = Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free > MODELS_GIB * GIB:
        return memory
    return work


@pytest.fixture(scope="session")
def native(plan, source, work, models, results):
    """whisper.cpp, built for exactly the GPU that is here, as the plan says."""
    options = plan["build"]["options"]
    architectures = options["CMAKE_CUDA_ARCHITECTURES"]
    print(f"\nbuilding whisper.cpp {source.version} for {architectures} ...", flush=True)
    built = whisper_build.build(source, work / f"build-{architectures.replace(';', '-')}", options)
    results.add(build_seconds=built.seconds, library_mib=round(built.cuda_library().stat().st_size / 2**20, 1))
    return built


@pytest.fixture(scope="session")
def bench(gpu, native, models, results):
    """What a measurement takes: the GPU, the build, the models, and where the figures go."""
    return types.SimpleNamespace(
        gpu=gpu,
        server=native.binary("whisper-server"),
        engine=native.binary("whisper-bench"),
        model=models,
        results=results,
    )
