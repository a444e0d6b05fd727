from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import problems
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.fabric import Fabric
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.diagnosis import cause
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.facts import Facts
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.log import last_words, read_log
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[5]
FIXTURES = ROOT / "tests" / "fixtures" / "whisper_server"


def log(name):
    return read_log((FIXTURES / name).read_text(encoding="utf-8"))


ON_GPU, ON_CPU, HIDDEN, CPU_IMAGE = map(log, ("h100/gpu.log", "h100/nogpu.log", "h100/hidden.log", "cpu_image.log"))
WRONG = last_words((FIXTURES / "h100" / "wrong.log").read_text(encoding="utf-8"))
OLD_DRIVER = "CUDA driver version is insufficient for CUDA runtime version"
NO_FORWARD = "forward compatibility was attempted on non supported HW"
COMBINATION = "system has unsupported display driver / cuda driver combination"
MISMATCH = problems.driver_library_mismatch("550", "580")
GIVEN = Facts(has_gpu=True, nodes_in_container=True, device_open=False, process_memory=False)
CUDA_BUILD = ("/app/libggml-cuda.so", "/usr/lib/libcuda.so.550.163.01")


def said(text):
    """The log of a server on the CPU, with CUDA's own words for why, as hidden.log has them."""
    return HIDDEN._replace(negative=[text, "no GPU found"])


@pytest.mark.parametrize(
    ("code", "facts"),
    [
        ("no_kernel_image", GIVEN._replace(log=log("h100/wrong.log"), last_words=WRONG)),
        ("no_kernel_image", GIVEN._replace(device_code="none")),
        ("driver_library_mismatch", GIVEN._replace(host_problems=[MISMATCH], log=HIDDEN)),
        ("gpu_lost", GIVEN._replace(host_problems=[problems.persistence_off(["0"]), problems.gpu_lost("GPU 0")])),
        ("gpu_switched_off", GIVEN._replace(log=ON_CPU)),
        ("gpu_switched_off", GIVEN._replace(log=HIDDEN, command=["--port", "8080", "--no-gpu"])),
        ("compat_library_shadows_driver",
         GIVEN._replace(log=HIDDEN, libraries=["/usr/local/cuda-13.0/compat/libcuda.so.580.65.06"])),
        ("compat_library_shadows_driver", GIVEN._replace(log=said(NO_FORWARD))),
        ("container_without_gpu", GIVEN._replace(has_gpu=False, log=HIDDEN)),
        ("gpu_not_in_container", GIVEN._replace(nodes_in_container=False, log=HIDDEN)),
        ("driver_library_not_in_container",
         GIVEN._replace(log=said(OLD_DRIVER), libraries=CUDA_BUILD[:1])),
        ("driver_too_old_for_image",
         GIVEN._replace(log=said(OLD_DRIVER), libraries=CUDA_BUILD)),
        ("compat_library_shadows_driver",
         GIVEN._replace(log=said(COMBINATION), libraries=["/usr/local/cuda/compat/libcuda.so.580.65.06"])),
        ("container_driver_stale", GIVEN._replace(log=said(COMBINATION))),
        ("container_driver_stale",
         GIVEN._replace(log=said(NO_FORWARD), libraries=CUDA_BUILD, kernel_module="535.247.01")),
        ("driver_library_not_in_container",
         GIVEN._replace(log=said("load_backend: failed to load /app/libggml-cuda.so: libcuda.so.1: cannot open shared"
                                 " object file: No such file or directory"))),
        ("fabric_manager_not_ready", GIVEN._replace(log=said("system not yet initialized"))),
        ("cuda_unknown_error", GIVEN._replace(log=said("unknown error"), libraries=CUDA_BUILD)),
        ("cuda_not_supported", GIVEN._replace(log=said("operation not supported"), libraries=CUDA_BUILD)),
        ("gpu_busy",
         GIVEN._replace(log=said("all CUDA-capable devices are busy or unavailable"), libraries=CUDA_BUILD)),
        ("gpu_lost_in_container", GIVEN._replace(log=ON_GPU, last_words=["unknown error"])),
        ("gpu_lost_in_container", GIVEN._replace(log=ON_GPU, device_open=True)),
        ("gpu_claim_contradicted", GIVEN._replace(log=ON_GPU)),
        ("cpu_only_image", GIVEN._replace(log=CPU_IMAGE, libraries=["/app/libggml-cpu-zen4.so"])),
        ("cuda_failed", GIVEN._replace(log=HIDDEN, libraries=CUDA_BUILD)),
        ("gpu_not_used", GIVEN._replace(process_memory=True, utilization=False)),
        ("gpu_proof_missing", Facts()),
        ("transcript_missing", Facts(transcribes=False)),
    ],
)  # fmt: skip
def test_each_cause_has_its_code_and_a_remedy(code, facts):
    found = cause(facts)
    assert found.code == code
    assert found.message.endswith((".", ")"))
    assert f"docs/troubleshooting.md#{code}" in found.remedy


def test_the_host_comes_before_the_container():
    facts = GIVEN._replace(has_gpu=False, log=HIDDEN, host_problems=[MISMATCH])
    assert cause(facts).code == "driver_library_mismatch"


def test_what_is_no_obstacle_is_no_cause():
    facts = GIVEN._replace(host_problems=[problems.toolkit_missing(), problems.persistence_off(["0"])], log=ON_GPU)
    assert cause(facts).code == "gpu_claim_contradicted"


def test_a_stale_libcuda_is_told_with_both_versions():
    found = cause(GIVEN._replace(log=said(COMBINATION), libraries=CUDA_BUILD, kernel_module="580.95.05"))
    assert (found.code, "550.163.01" in found.message, "580.95.05" in found.message) == (
        "container_driver_stale",
        True,
        True,
    )


@pytest.mark.parametrize(
    ("fabric", "seen", "remedy"),
    [
        (
            Fabric(switches=True),
            "machine has NVSwitches",
            "Install nvidia-fabricmanager in exactly the driver's version (580.95.05",
        ),
        (Fabric(unit="inactive"), "it is not installed", "systemctl enable --now"),
        (Fabric(unit="failed", version="580.95.05"), "its unit is failed", "journalctl -u nvidia-fabricmanager"),
        (Fabric(unit="failed", version="580.82.07"), "it is 580.82.07, and the driver is 580.95.05", "exactly"),
        (Fabric(unit="active", version="580.95.05"), "has not made the GPUs ready", "grep -A 2 Fabric"),
    ],
)
def test_the_fabric_manager_is_told_as_it_is(fabric, seen, remedy):
    facts = GIVEN._replace(log=said("system not yet initialized"), fabric=fabric, kernel_module="580.95.05")
    found = cause(facts)
    assert found.code == "fabric_manager_not_ready"
    assert seen in found.message
    assert remedy in found.remedy


def test_a_stale_number_of_nvidia_uvm_is_told():
    facts = GIVEN._replace(log=said("unknown error"), uvm_in_container=510, uvm_of_kernel=509)
    assert "the number 510 there, and the kernel gave the module 509" in cause(facts).message


@given(
    st.builds(
        Facts,
        log=st.sampled_from([None, ON_GPU, ON_CPU, HIDDEN, CPU_IMAGE]),
        last_words=st.lists(st.text(), max_size=3),
        device_open=st.none() | st.booleans(),
        process_memory=st.none() | st.booleans(),
        utilization=st.none() | st.booleans(),
        device_code=st.sampled_from([None, "native", "none"]),
        command=st.lists(st.sampled_from(["--no-gpu", "--port", "1"])),
        has_gpu=st.none() | st.booleans(),
        nodes_in_container=st.none() | st.booleans(),
        libraries=st.lists(st.text()),
    )
)
def test_there_is_always_a_cause_that_the_guide_explains(facts):
    assert f"\n## {cause(facts).code}\n" in (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
