"""Our binding and the real pynvml, asked the same over the stand-in library; libraries as old drivers have them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[5]
STUB = ROOT / "tests" / "lab" / "driver" / "nvml_stub.c"
EXPORTED = ROOT / "tests" / "fixtures" / "nvml"
BRANCHES = sorted(file.stem.split("-")[1] for file in EXPORTED.glob("exported-*.txt"))
# What each answers, or the number of its refusal, for every function that both have.
ASK = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import nvml_binding, nvml_library

if sys.argv[2] == "pynvml":
    import pynvml as module
else:
    module = nvml_library.open_library()

def plain(value):
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if hasattr(value, "_fields_"):
        return {name: plain(getattr(value, name)) for name, *_ in value._fields_ if name != "gridLicensableFeatures"}
    if hasattr(value, "pid"):
        return [value.pid, value.usedGpuMemory, value.gpuInstanceId, value.computeInstanceId]
    return value

answers = {}
def ask(name, *arguments, label=""):
    answer = nvml_binding.ask(module, name, *arguments)
    answers[name + label] = plain(answer.value) if answer.error == 0 else "error %s" % answer.error
    return answer.value

for name in ("nvmlInit", "nvmlSystemGetDriverVersion", "nvmlSystemGetNVMLVersion", "nvmlSystemGetCudaDriverVersion",
             "nvmlDeviceGetCount"):
    ask(name)
ask("nvmlSystemGetProcessName", 42)
for index in range(3):
    device = nvml_binding.ask(module, "nvmlDeviceGetHandleByIndex", index)
    answers["handle%d" % index] = device.error
    if device.error:
        continue
    at = " of %d" % index
    for name in ("UUID", "Name", "PciInfo", "CudaComputeCapability", "MemoryInfo", "UtilizationRates", "PowerUsage",
                 "MinorNumber", "PersistenceMode", "ComputeMode", "VirtualizationMode", "MigMode", "MaxMigDeviceCount",
                 "ComputeRunningProcesses", "GraphicsRunningProcesses", "GridLicensableFeatures",
                 "TotalEnergyConsumption", "GpuInstanceId"):
        ask("nvmlDeviceGet" + name, device.value, label=at)
    ask("nvmlDeviceGetMemoryInfo", device.value, module.nvmlMemory_v2, label=" v2" + at)
    ask("nvmlDeviceGetTemperature", device.value, 0, label=at)
    ask("nvmlDeviceGetClockInfo", device.value, 1, label=at)
    ask("nvmlDeviceGetProcessUtilization", device.value, 0, label=at)
    for number in range(3):
        mig = nvml_binding.ask(module, "nvmlDeviceGetMigDeviceHandleByIndex", device.value, number)
        answers["mig%d%s" % (number, at)] = mig.error
        if mig.error == 0:
            for name in ("UUID", "Name", "GpuInstanceId", "ComputeInstanceId", "MemoryInfo"):
                ask("nvmlDeviceGet" + name, mig.value, label=" of mig%d%s" % (number, at))
uuid = ask("nvmlDeviceGetUUID", nvml_binding.ask(module, "nvmlDeviceGetHandleByIndex", 0).value)
answers["by uuid"] = nvml_binding.ask(module, "nvmlDeviceGetHandleByUUID", uuid).error
answers["by other uuid"] = nvml_binding.ask(module, "nvmlDeviceGetHandleByUUID", "GPU-none").error
ask("nvmlShutdown")
print(json.dumps(answers))
"""
REPORT = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.detect import Detector
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import nvml_binding
load = nvml_binding.load_own_binding if sys.argv[3] == "own" else nvml_binding.load_binding
print(json.dumps(Detector(root=sys.argv[2], which=lambda name: None, binding=load).report("nvml").to_dict()))
"""


def compile_stub(target, *options):
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not installed: the stand-in for libnvidia-ml.so.1 cannot be compiled")
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-Wl,-soname,libnvidia-ml.so.1", *options, "-o", target, STUB], check=True
    )
    return target.parent


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    return compile_stub(tmp_path_factory.mktemp("whole") / "libnvidia-ml.so.1")


@pytest.fixture(scope="session")
def libraries(tmp_path_factory):
    """The stand-in with no more functions than the real library of that branch."""
    found = {}
    base = tmp_path_factory.mktemp("branches")

    def of(branch):
        if branch not in found:
            names = (EXPORTED / f"exported-{branch}.txt").read_text(encoding="ascii").split()
            script = base / f"{branch}.map"
            script.write_text(
                "{ global: " + "; ".join([*names, "nvmlErrorString"]) + "; local: *; };\n", encoding="ascii"
            )
            found[branch] = compile_stub(base / branch / "libnvidia-ml.so.1", f"-Wl,--version-script={script}")
        return found[branch]

    return of


def run(folder, program, *arguments, **stub):
    settings = {f"STUB_{name}": str(value) for name, value in stub.items()}
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder), **settings}
    command = [sys.executable, "-W", "ignore", "-c", program, str(ROOT / ".collections"), *map(str, arguments)]
    return json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout)


@pytest.mark.parametrize(
    "stub",
    [
        {},
        {"PROCESSES": "7:20,4242:412", "UTILIZATION": 40, "PERSISTENCE": 1},
        {"GPUS": 3, "G1_HANDLE_RC": 999, "G2_ERROR": 16, "G0_COMPUTE_MODE": 3, "G0_BUS": "0000000F:01:00.0"},
        {"MIG": 2, "MIG_SHARED": 1},
        {"VIRTUALIZATION": 2, "LICENSE": 0},
        {"CUDA_RC": 12, "TOTAL_MIB": "N/A", "BUS": "N/A"},
        {"NVML_RC": 18},
    ],
)
def test_our_binding_answers_as_pynvml_does(library, stub):
    pytest.importorskip("pynvml")
    ours, theirs = (run(library, ASK, binding, **stub) for binding in ("own", "pynvml"))
    assert ours == theirs
    assert ("error" in str(ours["nvmlInit"])) == ("NVML_RC" in stub)


@pytest.mark.parametrize("binding", ["own", "whichever"])
@pytest.mark.parametrize("branch", BRANCHES)
def test_a_library_of_any_age_answers(libraries, tmp_path, branch, binding):
    seen = run(
        libraries(branch),
        REPORT,
        tmp_path,
        binding,
        DRIVER=f"{branch}.99",
        PROCESSES="4242:412",
        USED_MIB=512,
        PERSISTENCE=1,
    )
    (gpu,) = seen["gpus"]
    assert (seen["source"], seen["driver"]["branch"], seen["driver"]["library_version"]) == (
        "nvml",
        branch,
        f"{branch}.99",
    )
    assert (gpu["uuid"], gpu["name"]) == ("GPU-00001080-0000-0000-0000-000000000000", "NVIDIA GeForce GTX 1080")
    assert (gpu["pci_bus_id"], gpu["memory_total_mib"]) == ("00000000:01:00.0", 8192)
    assert [(process["pid"], process["used_memory_mib"]) for process in gpu["processes"]] == [(4242, 412)]
    # 340 has neither function.
    exported = (EXPORTED / f"exported-{branch}.txt").read_text(encoding="ascii").split()
    assert gpu["compute_capability"] == ("6.1" if "nvmlDeviceGetCudaComputeCapability" in exported else None)
    assert seen["cuda_driver_version"] == ("12.4" if "nvmlSystemGetCudaDriverVersion" in exported else None)
    assert "libcuda_missing" not in [problem["code"] for problem in seen["problems"]]


def test_a_host_without_pynvml_has_the_library_itself(library, tmp_path):
    """As on every host: nothing is installed for the Python that Ansible uses."""
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "pynvml.py").write_text("raise ImportError('not installed')\n", encoding="ascii")
    program = f"import sys; sys.path.insert(0, {str(blocked)!r})\n" + REPORT
    seen = run(library, program, tmp_path, "whichever", NAME="NVIDIA L4", CAPABILITY="8.9")
    assert [(gpu["name"], gpu["compute_capability"]) for gpu in seen["gpus"]] == [("NVIDIA L4", "8.9")]


def codes(seen):
    return [problem["code"] for problem in seen["problems"]]


@pytest.mark.parametrize(
    ("rc", "code"),
    [
        (2, "gpu_not_answering"),
        (8, "gpu_power_missing"),
        (10, "gpu_not_answering"),
        (15, "gpu_lost"),
        (16, "gpu_requires_reset"),
        (999, "gpu_not_answering"),
    ],
)
@pytest.mark.parametrize("how", ["HANDLE_RC", "ERROR"])
def test_one_broken_gpu_is_named_and_the_others_are_given(library, tmp_path, rc, code, how):
    seen = run(library, REPORT, tmp_path, "own", **{"GPUS": 4, f"G2_{how}": rc})
    assert [gpu["index"] for gpu in seen["gpus"]] == [0, 1, 3]
    assert [(gpu["index"], gpu["code"]) for gpu in seen["unavailable_gpus"]] == [(2, code)]
    assert codes(seen).count(code) == 1
    assert all(gpu["uuid"].startswith("GPU-") for gpu in seen["gpus"])


def test_a_driver_without_libcuda_is_a_problem(library, tmp_path):
    assert "libcuda_missing" in codes(run(library, REPORT, tmp_path, "own", CUDA_RC=12))


def test_a_vgpu_manager_is_told_apart(library, tmp_path):
    seen = run(library, REPORT, tmp_path, "own", CUDA_RC=6, VIRTUALIZATION=3)
    assert "vGPU manager" in next(one["message"] for one in seen["problems"] if one["code"] == "libcuda_missing")


@pytest.mark.parametrize(("licensed", "found"), [(0, True), (1, False)])
def test_a_vgpu_needs_its_license(library, tmp_path, licensed, found):
    seen = run(library, REPORT, tmp_path, "own", NAME="NVIDIA A40-8Q", VIRTUALIZATION=2, LICENSE=licensed)
    assert ("vgpu_unlicensed" in codes(seen)) == found
    assert seen["gpus"][0]["vgpu_license"] == ("licensed" if licensed else "unlicensed")


def test_mig_devices_have_their_free_memory_and_their_gpu_instance(library, tmp_path):
    seen = run(library, REPORT, tmp_path, "own", MIG=3, MIG_SHARED=1, TOTAL_MIB=24576, CAPABILITY="8.0")
    devices = seen["gpus"][0]["mig_devices"]
    assert [(one["gpu_instance_id"], one["compute_instance_id"]) for one in devices] == [(1, 0), (1, 1), (5, 0)]
    assert all(0 < one["memory_free_mib"] <= one["memory_total_mib"] for one in devices)
