"""On a real GPU: the three backends against nvidia-smi, field by field, and what each costs.

    pytest -s tests/gpu/test_detection.py

Numbers that move (memory in use, power, temperature, utilization, processes) are compared with some slack.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.detect import Detector
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.sysfs import Sysfs
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import run
from hardware import without_a_gpu

ROOT = Path(__file__).parents[2]
EXACT = {
    "uuid": "uuid",
    "name": "name",
    "pci_bus_id": "pci.bus_id",
    "compute_capability": "compute_cap",
    "memory_total_mib": "memory.total",
    "persistence_mode": "persistence_mode",
    "mig_mode": "mig.mode.current",
}
MOVING = {
    "memory_used_mib": ("memory.used", 64),
    "memory_free_mib": ("memory.free", 64),
    "utilization_percent": ("utilization.gpu", 100),
    "temperature_c": ("temperature.gpu", 10),
    "power_w": ("power.draw", 150),
}
ROUNDS = 10


REASON = without_a_gpu()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)


def reference():
    """What nvidia-smi says, one row of texts for each GPU."""
    names = [*EXACT.values(), *(query for query, slack in MOVING.values())]
    command = ["nvidia-smi", "--query-gpu=" + ",".join(names), "--format=csv,noheader,nounits"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode().splitlines()
    return [dict(zip(names, (cell.strip() for cell in line.split(",")))) for line in lines]


def as_ours(text):
    if text.startswith("[") or text == "N/A":
        return None
    return {"Enabled": "True", "Disabled": "False"}.get(text, text)


def need(backend):
    if backend == "nvml" and importlib.util.find_spec("pynvml") is None:
        pytest.skip("the Python package nvidia-ml-py is not installed")


@pytest.mark.parametrize("backend", ["nvml", "nvidia_smi"])
def test_a_backend_agrees_with_nvidia_smi_field_by_field(backend):
    need(backend)
    report = Detector().report(backend)
    assert report.source == backend
    rows = reference()
    assert [gpu.index for gpu in report.gpus] == list(range(len(rows)))
    for gpu, row in zip(report.gpus, rows):
        ours = {name: getattr(gpu, name) for name in EXACT}
        theirs = {name: as_ours(row[query]) for name, query in EXACT.items()}
        assert {name: None if value is None else str(value) for name, value in ours.items()} == theirs
        for name, (query, slack) in MOVING.items():
            text, value = as_ours(row[query]), getattr(gpu, name)
            assert (value is None) == (text is None), name
            assert text is None or abs(value - float(text)) <= slack, name


@pytest.mark.parametrize("backend", ["nvml", "nvidia_smi"])
def test_versions_and_processes_agree_with_nvidia_smi(backend):
    need(backend)
    report = Detector().report(backend)
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    driver = subprocess.run(query, check=True, stdout=subprocess.PIPE).stdout.decode().split()[0]
    table = subprocess.run(["nvidia-smi"], check=True, stdout=subprocess.PIPE).stdout.decode()
    assert report.driver.version == driver
    assert f"Version: {report.cuda_driver_version} " in table
    query = ["nvidia-smi", "--query-compute-apps=pid", "--format=csv,noheader"]
    pids = {
        int(pid) for pid in subprocess.run(query, check=True, stdout=subprocess.PIPE).stdout.split() if pid.isdigit()
    }
    ours = {process.pid for gpu in report.gpus for process in gpu.processes or []}
    assert pids <= ours


def test_the_kernel_alone_names_the_same_devices_and_versions():
    if not Sysfs().observe().devices:
        pytest.skip("no NVIDIA device on the PCI bus that this host shows")
    report, rows = Detector().report("sysfs"), reference()
    devices = {gpu.pci_bus_id: gpu for gpu in report.gpus}
    for row in rows:
        gpu = devices[row["pci.bus_id"].upper()]
        assert gpu.uuid in (None, row["uuid"])
        assert gpu.name in (None, row["name"])
        assert (gpu.memory_total_mib, gpu.compute_capability) == (None, None)
    assert report.driver.flavor in ("proprietary", "open", None)


def test_an_ordinary_user_sees_the_same_gpus():
    if os.geteuid() != 0:
        pytest.skip("the other tests of this run are those of an ordinary user already")
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv (util-linux) is not installed")
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT / '.collections')!r}); sys.dont_write_bytecode = True\n"
        "from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.detect import Detector\n"
        "print(' '.join(gpu.uuid for gpu in Detector().report('nvidia_smi').gpus))"
    )
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    can_read = subprocess.run([*command, sys.executable, "-c", f"open({str(__file__)!r})"], check=False).returncode == 0
    if not can_read:
        pytest.skip("an ordinary user may not read this checkout or its Python")
    seen = subprocess.run([*command, sys.executable, "-c", script], check=True, stdout=subprocess.PIPE)
    assert seen.stdout.decode().split() == [row["uuid"] for row in reference()]


def test_what_each_way_costs(capsys):
    def timed_ms(call):
        start = time.perf_counter()
        call()
        return (time.perf_counter() - start) * 1000

    def median_ms(call):
        samples = [timed_ms(again) for again in [call] * ROUNDS]
        return statistics.median(samples), min(samples), max(samples)

    ways = {"nvidia-smi -q -x": lambda: run(["nvidia-smi", "-q", "-x"])}
    for backend in ("nvidia_smi", "sysfs", *(["nvml"] if importlib.util.find_spec("pynvml") else [])):
        # Without the look at toolkit and loader, which costs every backend the same.
        detector = Detector(which=lambda name: shutil.which(name) if name == "nvidia-smi" else None)
        ways[f"backend {backend}"] = lambda detector=detector, backend=backend: detector.report(backend)
    figures = {name: median_ms(call) for name, call in ways.items()}
    with capsys.disabled():
        print(f"\n{ROUNDS} rounds, milliseconds{'':12}median      min      max")
        for name, (median, low, high) in figures.items():
            print(f"{name:32}{median:9.2f}{low:9.2f}{high:9.2f}")
    if "backend nvml" in figures:
        assert figures["backend nvml"][0] < figures["nvidia-smi -q -x"][0]
