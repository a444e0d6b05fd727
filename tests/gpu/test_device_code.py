"""The device code that was built is what the plan ordered, by our own reading of it and by NVIDIA's."""

from __future__ import annotations

import re
import subprocess

import hardware
import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._image import inspection


def ordered(plan):
    return sorted(re.sub("-real$", "", name) for name in plan["cmake_cuda_architectures"].split(";"))


def test_the_plan_orders_code_for_this_gpu_alone(plan, gpu):
    assert (plan["runtime"], plan["verdict"]) == ("cuda", "native")
    assert plan["gpus"] == [gpu.uuid]
    assert ordered(plan) == [gpu.compute_capability.replace(".", "")]


def test_the_library_carries_what_the_plan_ordered(plan, native, results):
    seen = inspection.inspect_path(str(native.cuda_library()))
    results.add(device_code={key: seen[key] for key in ("sass", "complete", "ptx")})
    assert sorted(seen["complete"]) == ordered(plan)
    assert seen["ptx"] == []
    assert seen["problems"] == []


def test_cuobjdump_reads_the_same(native):
    cuobjdump = hardware.cuda_tool("cuobjdump")
    if cuobjdump is None:
        pytest.skip("cuobjdump, the reference of this test, is not installed")
    library = native.cuda_library()
    listed = subprocess.run([cuobjdump, "--list-elf", str(library)], stdout=subprocess.PIPE, check=True).stdout.decode()
    theirs = set(re.findall(r"\.sm_(\w+)\.", listed))
    assert theirs == set(inspection.inspect_path(str(library))["sass"])
