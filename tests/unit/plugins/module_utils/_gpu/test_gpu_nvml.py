"""The NVML backend: the real binding over the stand-in library, and bindings of other ages as objects."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml import Nvml
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml_binding import Binding
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.processes import Processes
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.sysfs import HostFacts

ROOT = Path(__file__).parents[5]
STUB = ROOT / "tests" / "lab" / "driver" / "nvml_stub.c"
OBSERVE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.detect import Detector
print(json.dumps(Detector(root=sys.argv[2], which=lambda name: None).report("nvml").to_dict()))
"""


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not installed: the stand-in for libnvidia-ml.so.1 cannot be compiled")
    if importlib.util.find_spec("pynvml") is None:
        pytest.skip("the Python package nvidia-ml-py is not installed")
    folder = tmp_path_factory.mktemp("driver")
    target = folder / "libnvidia-ml.so.1"
    command = [compiler, "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-Wl,-soname,libnvidia-ml.so.1"]
    subprocess.run([*command, "-o", str(target), str(STUB)], check=True)
    return folder


@pytest.fixture
def report(library, tmp_path):
    """The whole report in a process of its own: the binding loads a library once and for all."""

    def run(**stub):
        settings = {f"STUB_{name.upper()}": str(value) for name, value in stub.items()}
        environment = {**os.environ, "LD_LIBRARY_PATH": str(library), **settings}
        command = [sys.executable, "-W", "ignore", "-c", OBSERVE, str(ROOT / ".collections"), str(tmp_path)]
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout)

    return run


def test_the_stand_in_is_told_by_its_own_last_bytes_and_needs_its_device_nodes(library, tmp_path):
    """As on a lab host, and in a container there, where neither its environment nor its files are."""
    settings = b"LAB-GPU\nSTUB_NAME=NVIDIA H200\nSTUB_CAPABILITY=9.0\nSTUB_UUID=GPU-a,GPU-b\nSTUB_GPUS=2\n"
    told = tmp_path / "libnvidia-ml.so.1"
    answers = []
    for extra in (b"", b"STUB_NODES=1\n"):
        told.write_bytes((library / told.name).read_bytes() + (settings + extra).ljust(4096, b"\0"))
        environment = {**os.environ, "LD_LIBRARY_PATH": str(tmp_path)}
        command = [sys.executable, "-W", "ignore", "-c", OBSERVE, str(ROOT / ".collections"), str(tmp_path)]
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
        answers.append(json.loads(done.stdout))
    assert [(gpu["name"], gpu["compute_capability"], gpu["uuid"]) for gpu in answers[0]["gpus"]] == [
        ("NVIDIA H200", "9.0", "GPU-a"),
        ("NVIDIA H200", "9.0", "GPU-b"),
    ]
    if not os.path.exists("/dev/nvidiactl"):
        assert "driver_not_loaded" in [problem["code"] for problem in answers[1]["problems"]]


def codes(report):
    return [problem["code"] for problem in report["problems"]]


def test_the_real_binding_reads_a_gtx_1080(report):
    seen = report(used_mib=412, persistence=1)
    assert (seen["source"], seen["gpu_present"], seen["cuda_driver_version"]) == ("nvml", True, "12.4")
    assert seen["driver"] == {
        "version": "550.163.01",
        "branch": "550",
        "flavor": None,
        "kernel_module_version": None,
        "library_version": "550.163.01",
    }
    assert seen["gpus"] == [
        {
            "index": 0,
            "uuid": "GPU-00001080-0000-0000-0000-000000000000",
            "name": "NVIDIA GeForce GTX 1080",
            "pci_bus_id": "00000000:01:00.0",
            "compute_capability": "6.1",
            "architecture": "pascal",
            "memory_total_mib": 8192,
            "memory_used_mib": 412,
            "memory_free_mib": 7709,
            "utilization_percent": 0,
            "temperature_c": 30,
            "power_w": 9.51,
            "persistence_mode": True,
            "compute_mode": "default",
            "virtualization": "none",
            "vgpu_license": None,
            "mig_mode": None,
            "mig_devices": [],
            "processes": [],
        }
    ]


def test_an_old_driver_counts_its_reserve_as_used(report):
    (gpu,) = report(used_mib=412, old=1)["gpus"]
    assert (gpu["memory_used_mib"], gpu["memory_free_mib"]) == (483, 7709)


def test_processes_have_pid_name_and_memory(report):
    (gpu,) = report(processes="7:20,4242:412")["gpus"]
    assert gpu["processes"] == [
        {"pid": 7, "name": "/stub/process-7", "used_memory_mib": 20, "container_id": None, "gpu_instance_id": None},
        {
            "pid": 4242,
            "name": "/stub/process-4242",
            "used_memory_mib": 412,
            "container_id": None,
            "gpu_instance_id": None,
        },
    ]


def test_a_process_carries_its_container(report, tmp_path):
    container = "ab" * 32
    (tmp_path / "proc" / "4242").mkdir(parents=True)
    cgroup = f"0::/system.slice/docker-{container}.scope\n"
    (tmp_path / "proc" / "4242" / "cgroup").write_text(cgroup, encoding="utf-8")
    (gpu,) = report(processes="4242:412")["gpus"]
    assert gpu["processes"][0]["container_id"] == container


def test_mig_devices_are_found_behind_gaps_in_their_numbers(report):
    seen = report(mig=2, name="NVIDIA H200", capability="9.0", total_mib=143771)
    (gpu,) = seen["gpus"]
    assert (gpu["mig_mode"], gpu["architecture"]) == (True, "hopper")
    assert [(device["uuid"], device["name"], device["memory_total_mib"]) for device in gpu["mig_devices"]] == [
        ("MIG-00001080-0000-0000-0000-000000000000", "MIG 1g.1gb", 17971),
        ("MIG-00001080-0000-0000-0000-000000000002", "MIG 1g.1gb", 17971),
    ]
    assert "mig_enabled" in codes(seen)


def test_mig_that_is_off_is_no_problem(report):
    seen = report(mig=0)
    assert (seen["gpus"][0]["mig_mode"], seen["gpus"][0]["mig_devices"]) == (False, [])
    assert "mig_enabled" not in codes(seen)


def test_a_lost_gpu_is_named_and_the_others_stay(report):
    seen = report(gpus=3, lost=1)
    assert [gpu["index"] for gpu in seen["gpus"]] == [0, 2]
    lost = [problem["message"] for problem in seen["problems"] if problem["code"] == "gpu_lost"]
    assert len(lost) == 1
    assert lost[0].startswith("GPU 1 ")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (4, "no_permission"),
        (9, "driver_not_loaded"),
        (12, "nvml_missing"),
        (15, "gpu_lost"),
        (17, "no_permission"),
        (18, "driver_library_mismatch"),
        (999, "nvml_unknown_error"),
        (5, "nvml_unknown_error"),
    ],
)
def test_each_error_of_nvml_has_its_code(report, number, code):
    seen = report(nvml_rc=number)
    assert code in codes(seen)
    assert (seen["gpus"], seen["cuda_driver_version"], seen["source"]) == ([], None, "nvml")
    assert seen["driver"]["library_version"] == "550.163.01"


class OldError(Exception):
    def __init__(self, value):
        super().__init__(value)
        self.value = value


def not_supported(*arguments):
    raise OldError(3)


def entry(memory_mib):
    return SimpleNamespace(pid=4242, usedGpuMemory=None if memory_mib is None else memory_mib << 20)


def old_binding(**more):
    """As nvidia-ml-py 7: bytes, no compute capability, no MIG, memory without versions."""
    functions = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlSystemGetDriverVersion": lambda: b"390.157",
        "nvmlSystemGetNVMLVersion": lambda: b"9.390.157",
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetUUID": lambda handle: b"GPU-1",
        "nvmlDeviceGetName": lambda handle: b"GeForce GTX 1080",
        "nvmlDeviceGetPciInfo": lambda handle: SimpleNamespace(busId=b"0000:0f:00.0"),
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(total=8 << 30, used=1 << 30, free=7 << 30),
        "nvmlDeviceGetPowerUsage": not_supported,
        "nvmlDeviceGetComputeRunningProcesses": lambda handle: [entry(None)],
    }
    return SimpleNamespace(**{**functions, **more})


def none():
    return Binding(None, "No module named 'pynvml'")


def observe(binding):
    return Nvml(lambda: Binding(binding), HostFacts(), Processes("/nonexistent"), none).observe()


def test_a_binding_that_speaks_bytes_and_knows_little():
    seen = observe(old_binding())
    assert (seen.driver_version, seen.library_version, seen.cuda_driver_version) == ("390.157", "390.157", None)
    (gpu,) = seen.gpus
    assert (gpu.uuid, gpu.name, gpu.pci_bus_id) == ("GPU-1", "GeForce GTX 1080", "00000000:0F:00.0")
    assert (gpu.memory_total_mib, gpu.memory_used_mib) == (8192, 1024)
    assert (gpu.compute_capability, gpu.architecture, gpu.power_w) == (None, None, None)
    assert (gpu.mig_mode, gpu.mig_devices) == (None, None)
    assert [(process.pid, process.used_memory_mib) for process in gpu.processes] == [(4242, None)]


def test_processes_in_a_structure_of_a_wrong_size_are_not_believed():
    class Structure(ctypes.Structure):
        """That of nvidia-ml-py 12.535.77."""

        _fields_ = (
            ("pid", ctypes.c_uint),
            ("usedGpuMemory", ctypes.c_ulonglong),
            ("gpuInstanceId", ctypes.c_uint),
            ("computeInstanceId", ctypes.c_uint),
            ("usedGpuCcProtectedMemory", ctypes.c_ulonglong),
        )

    assert observe(old_binding(c_nvmlProcessInfo_t=Structure)).gpus[0].processes is None


def test_a_process_in_two_lists_is_one_process_with_its_memory_once():
    def both(handle):
        return [entry(memory_mib=100)]

    binding = old_binding(nvmlDeviceGetComputeRunningProcesses=both, nvmlDeviceGetGraphicsRunningProcesses=both)
    assert [process.used_memory_mib for process in observe(binding).gpus[0].processes] == [100]


def test_a_binding_that_raises_everywhere_is_a_problem_and_no_error():
    seen = observe(object())
    assert (seen.usable, [problem.code for problem in seen.problems]) == (False, ["nvml_missing"])


def test_a_host_without_the_binding_hears_why():
    seen = Nvml(none, HostFacts(), Processes("/nonexistent"), none).observe()
    assert [problem.code for problem in seen.problems] == ["nvml_missing"]
    assert "No module named 'pynvml'" in seen.problems[0].message


def test_a_driver_that_cannot_count_its_gpus_does_not_answer():
    def unknown():
        raise OldError(999)

    seen = observe(old_binding(nvmlDeviceGetCount=unknown))
    assert (seen.usable, [problem.code for problem in seen.problems]) == (False, ["nvml_unknown_error"])


def test_a_gpu_without_a_uuid_is_no_broken_one():
    seen = observe(old_binding(nvmlDeviceGetUUID=not_supported))
    assert ([gpu.uuid for gpu in seen.gpus], seen.unavailable) == ([None], [])
