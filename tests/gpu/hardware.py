"""What is here: the GPU, the plan for it, the CUDA toolkit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.sysfs import Sysfs
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.plan import deployment_plan

# Where NVIDIA's packages put the toolkit, which is not always in PATH.
CUDA = Path(os.environ.get("CUDA_HOME", "/usr/local/cuda")) / "bin"


def without_a_gpu() -> str:
    """Why nothing can be tested here; empty where a GPU answers."""
    if not Sysfs().observe().devices and not list(Path("/dev").glob("nvidia[0-9]*")):
        return "no NVIDIA GPU: neither on the PCI bus nor as /dev/nvidia*"
    if shutil.which("nvidia-smi") is None:
        return "nvidia-smi, the reference of these tests, is not installed"
    done = subprocess.run(["nvidia-smi", "-L"], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0 or b"GPU-" not in done.stdout:
        return "nvidia-smi -L lists no GPU: " + done.stdout.decode(errors="replace").strip()
    return ""


def cuda_tool(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=str(CUDA))


def toolkit_version(nvcc: str) -> str:
    """As in 13.0.88."""
    said = subprocess.run([nvcc, "--version"], stdout=subprocess.PIPE, check=True).stdout.decode()
    found = re.search(r"\bV(\d+\.\d+\.\d+)", said)
    assert found, f"{nvcc} --version names no version: {said}"
    return found.group(1)


def compilable(nvcc: str) -> list[str]:
    """Architectures that this toolkit compiles for, as in 75, 90, oldest first."""
    said = subprocess.run([nvcc, "--list-gpu-arch"], stdout=subprocess.PIPE, check=True).stdout.decode()
    return sorted(re.findall(r"^compute_(\d+)$", said, re.MULTILINE), key=int)


def plan_for_a_local_build(report: dict[str, Any], uuid: str) -> dict[str, Any]:
    """What the collection would build for this GPU, whatever official image would do as well."""
    return deployment_plan(report, policy={"prefer": "local", "gpus": [uuid], "model": "base"})
