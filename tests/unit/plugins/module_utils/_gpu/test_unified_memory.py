"""GPUs that share the host's memory: what NVML does not tell, /proc/meminfo does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.tables import ARCHITECTURES
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import Version
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.detect import Detector
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Gpu
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml import Binding
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.unified_memory import UNIFIED, with_unified_memory
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Result
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.plan import deployment_plan

# The first lines of the file as Linux 6.8 writes it; the numbers are made up.
MEMINFO = """MemTotal:       125428736 kB
MemFree:         4194304 kB
MemAvailable:   98566144 kB
Buffers:          131072 kB
SwapTotal:             0 kB
"""
# The tool's own output for another GPU, with what it prints of one that shares the host's memory: N/A.
FIXTURE = Path(__file__).resolve().parents[4] / "fixtures" / "nvidia_smi" / "gtx1080-550"


def nvidia_smi_on_a_gb10(command):
    if "-q" in command:
        text = (FIXTURE / "q-x.xml").read_text(encoding="utf-8")
        memory = re.search(r"<fb_memory_usage>.*?</fb_memory_usage>", text, re.DOTALL).group()
        text = text.replace(memory, re.sub(r">\d+ MiB<", ">N/A<", memory))
        # GB10 came with this driver.
        text = re.sub(r"(<driver_version>)[^<]*", r"\g<1>580.95.05", text)
        return Result(0, re.sub(r"(<cuda_version>)[^<]*", r"\g<1>13.0", text), "")
    return Result(0, (FIXTURE / "query.csv").read_text(encoding="utf-8").replace("6.1", "12.1"), "")


@pytest.fixture
def root(tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text(MEMINFO, encoding="utf-8")
    return tmp_path


def memory(gpu):
    return (gpu.memory_total_mib, gpu.memory_used_mib, gpu.memory_free_mib)


@pytest.mark.parametrize("capability", UNIFIED)
def test_a_gpu_that_shares_the_hosts_memory_has_the_hosts(root, capability):
    (gpu,) = with_unified_memory([Gpu(compute_capability=capability)], str(root))
    assert memory(gpu) == (122489, 26233, 96256)


def test_what_the_driver_tells_counts(root):
    told = Gpu(compute_capability="12.1", memory_total_mib=100, memory_used_mib=40, memory_free_mib=60)
    assert with_unified_memory([told], str(root)) == [told]


@pytest.mark.parametrize("capability", ["6.1", "8.6", "9.0", "12.0", None])
def test_of_a_card_with_memory_of_its_own_nothing_is_made_up(root, capability):
    (gpu,) = with_unified_memory([Gpu(compute_capability=capability)], str(root))
    assert memory(gpu) == (None, None, None)


def test_without_meminfo_it_stays_unknown(tmp_path):
    (gpu,) = with_unified_memory([Gpu(compute_capability="8.7")], str(tmp_path))
    assert memory(gpu) == (None, None, None)


def test_an_old_kernel_that_does_not_tell_what_is_available_leaves_that_unknown(root):
    text = "MemTotal:        4059712 kB\nMemFree:          524288 kB\n"
    (root / "proc" / "meminfo").write_text(text, encoding="utf-8")
    (gpu,) = with_unified_memory([Gpu(compute_capability="5.3")], str(root))
    assert memory(gpu) == (3964, None, None)


def test_every_tegra_shares_its_memory():
    tegra = {str(Version(capability)) for capability, row in ARCHITECTURES.items() if row.tegra}
    # Of 8.8 nobody has said what it is.
    assert tegra - {"8.8"} == set(UNIFIED) - {"12.1"}


def test_a_gb10_is_planned_for_with_the_hosts_memory(root):
    detector = Detector(
        root=str(root),
        kernel_release="6.8.0",
        runner=nvidia_smi_on_a_gb10,
        which=lambda name: name if name == "nvidia-smi" else None,
        binding=lambda: Binding(None, "No module named 'pynvml'"),
    )
    report = detector.report().to_dict()
    assert (report["source"], report["gpus"][0]["compute_capability"]) == ("nvidia_smi", "12.1")
    assert report["gpus"][0]["memory_free_mib"] == 96256
    assert deployment_plan(report, policy={"model": "auto"})["model"] == "large-v3-turbo"
