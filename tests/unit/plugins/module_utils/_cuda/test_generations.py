"""What a product's name tells where nothing else does: advice, and whether a vGPU's profile has CUDA."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda import vgpu
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.generations import driver_advice, generation_of


@pytest.mark.parametrize(
    ("name", "last", "served"),
    [
        ("GeForce 9800 GT", 340, False),
        ("GeForce 310M", 340, False),
        ("Quadro FX 4800", 340, False),
        ("GeForce GTX 560 Ti", 390, False),
        ("Quadro 4000", 390, False),
        ("Tesla M2075", 390, False),
        ("GeForce GTX 780", 470, False),
        ("NVIDIA GeForce GTX TITAN Black", 470, False),
        ("Tesla K20Xm", 470, False),
        ("NVIDIA GeForce GTX 750 Ti", 580, True),
        ("Quadro K620", 580, True),
        ("Tesla M60", 580, True),
        ("NVIDIA GeForce GT 1010", 580, True),
        ("Tesla P100-SXM2-16GB", 580, True),
        ("NVIDIA TITAN V", 580, True),
        ("Quadro RTX 6000", None, True),
        ("NVIDIA GeForce GTX 1660 SUPER", None, True),
        ("NVIDIA A10G", None, True),
        ("NVIDIA RTX 4000 SFF Ada Generation", None, True),
    ],
)
def test_a_name_tells_the_last_branch(name, last, served):
    generation = generation_of(name)
    assert (generation.last_branch, generation.served) == (last, served)


@pytest.mark.parametrize("name", [None, "", "Graphics Device", "Orin (nvgpu)", "GeForce GTX 860M"])
def test_a_name_that_does_not_tell_tells_nothing(name):
    assert generation_of(name) is None


def test_a_host_of_dead_ends_is_told_that_no_driver_helps():
    advice = driver_advice(["GeForce 8800 GTS", "GeForce GTX 480"], "450.80.02")
    assert "340 is the last branch" in advice
    assert "390 is the last branch" in advice
    assert "Install" not in advice


def test_a_host_with_one_that_is_served_is_told_how_far_to_go():
    advice = driver_advice(["Tesla K40c", "NVIDIA GeForce GTX 1080 Ti"], "450.80.02")
    assert "≥ 450.80.02, not beyond branch 580" in advice


def test_a_newer_gpu_gets_a_driver_s_number():
    assert "≥ 580.65.06" in driver_advice(["GeForce RTX 2070"], "450.80.02")


@pytest.mark.parametrize("names", [["Graphics Device"], [None], []])
def test_where_the_name_does_not_tell_each_way_is_named(names):
    advice = driver_advice(names, "450.80.02")
    assert "not beyond 580" in advice
    assert "no driver helps" in advice


@pytest.mark.parametrize(
    ("name", "profile", "without", "perhaps"),
    [
        ("NVIDIA A40-8Q", True, False, False),
        ("NVIDIA L4-24C", True, False, False),
        ("NVIDIA A100-3-20C", True, False, False),
        ("GRID V100D-8C", True, False, False),
        ("GRID T4-2B4", True, True, False),
        ("NVIDIA A16-4A", True, True, False),
        ("GRID M60-8Q", True, False, False),
        ("GRID M60-2Q", True, True, False),
        ("GRID M10-0Q", True, True, False),
        ("GRID P40-24Q", True, False, False),
        ("GRID P40-6Q", True, False, True),
        ("GRID P4-1Q", True, False, True),
        ("GRID K140Q", True, True, False),
        ("NVIDIA RTX Pro 6000 Blackwell DC-48Q", True, False, False),
        ("NVIDIA A40", False, False, False),
        ("NVIDIA A100-SXM4-40GB", False, False, False),
        ("Tesla V100-PCIE-16GB", False, False, False),
        (None, False, False, False),
    ],
)
def test_a_vgpu_s_profile_is_read_from_its_name(name, profile, without, perhaps):
    assert vgpu.is_profile(name) == profile
    assert bool(vgpu.why_without_cuda(name)) == without
    assert bool(vgpu.why_perhaps_without_cuda(name)) == perhaps
