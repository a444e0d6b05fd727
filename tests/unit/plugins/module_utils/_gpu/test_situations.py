"""Hosts that people reported, from what the kernel shows to the plan: one kind after another.

The tool is the real one (tests/fixtures/nvidia_smi); the hosts, their slots and their versions are made up.
"""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.isolation import IsolatedCallError
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml_binding import Binding
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Result
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.model_memory import memory_of
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.plan import deployment_plan

from .test_gpu_detection import OPEN, PROPRIETARY, Host

SLOTS = ["0000:17:00.0", "0000:31:00.0", "0000:b1:00.0", "0000:ca:00.0"]


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path).toolkit()


def gpus(host, *slots, version="550.127.08", text=PROPRIETARY):
    for slot in slots:
        host.device(slot, driver="nvidia")
    return host.module(version, text)


def wsl(host):
    return host.write("dev/dxg").write("usr/lib/wsl/lib/libnvidia-ml.so.1").write("usr/lib/wsl/lib/libcuda.so.1")


def says(host, text, status):
    return host.tool("nvidia-smi", lambda arguments: Result(status, text, ""))


def planned(host, **policy):
    report = host.report().to_dict()
    return report, deployment_plan(report, policy=policy)


def codes(report):
    return [problem["code"] for problem in report["problems"]]


def told(report, plan):
    texts = [f"{one['code']}: {one['message']} {one['remedy']}" for one in report["problems"]]
    return "\n".join(texts + plan["reasons"] + plan["warnings"] + [str(one["reason"]) for one in plan["rejected"]])


# A broken GPU beside others


def test_three_of_four_serve_and_the_fourth_is_named_with_its_slot(host):
    report, plan = planned(gpus(host, *SLOTS).nvidia_smi("rtx3090x4-one-unknown-550"))
    assert (plan["verdict"], len(plan["servers"])) == ("native", 3)
    assert [(one["index"], one["pci_bus_id"]) for one in report["unavailable_gpus"]] == [(2, "00000000:B1:00.0")]
    assert codes(report).count("gpu_not_answering") == 1
    assert "gpu_not_initialized" not in codes(report)
    assert any(text.startswith("Not offered: GPU 2 00000000:B1:00.0") for text in plan["warnings"])
    assert "container" not in "".join(plan["warnings"])


def test_two_of_three_are_broken_in_two_ways(host):
    report, plan = planned(gpus(host, *SLOTS[:3], version="535.230.02").nvidia_smi("rtx3090x3-two-broken-535"))
    assert (plan["verdict"], len(plan["servers"])) == ("native", 1)
    assert [(one["code"], one["pci_bus_id"]) for one in report["unavailable_gpus"]] == [
        ("gpu_power_missing", "00000000:17:00.0"),
        ("gpu_not_answering", "00000000:B1:00.0"),
    ]
    assert "power cable" in told(report, plan)


@pytest.mark.parametrize(
    ("fixture", "index", "code", "count"),
    [("a100x4-reset-550", 3, "gpu_requires_reset", 3), ("a100x2-unknown-values-550", 0, "gpu_not_answering", 1)],
)
def test_words_in_place_of_a_uuid_are_a_problem(host, fixture, index, code, count):
    report, plan = planned(gpus(host, *(f"0000:{n:02x}:00.0" for n in range(1, count + 2))).nvidia_smi(fixture))
    assert [(one["index"], one["code"]) for one in report["unavailable_gpus"]] == [(index, code)]
    assert (plan["verdict"], len(plan["gpus"])) == ("native", count)
    assert all(uuid.startswith("GPU-0a11ce00") for uuid in plan["gpus"])
    assert code in [entry["code"] for entry in plan["rejected"]]


def test_the_only_gpu_has_no_handle(host):
    said = "Unable to determine the device handle for GPU0000:2B:00.0: Unknown Error\n"
    report, plan = planned(says(gpus(host, "0000:2b:00.0", version="575.57.08", text=OPEN), said, 255))
    assert (plan["verdict"], codes(report)) == ("impossible", ["gpu_not_answering"])
    assert "00000000:2B:00.0" in plan["reasons"][1]
    assert "power the host off" in told(report, plan)


def test_a_gpu_that_the_driver_does_not_offer_is_in_warnings_and_rejected(host):
    gpus(host, "0000:01:00.0", "0000:04:00.0", version="550.163.01", text=OPEN.replace("580.65.06", "550.163.01"))
    report, plan = planned(host.nvidia_smi("gtx1080-550"))
    assert plan["verdict"] == "native"
    assert [one["pci_bus_id"] for one in report["unavailable_gpus"]] == ["00000000:04:00.0"]
    assert any("00000000:04:00.0" in text and "open kernel modules" in text for text in plan["warnings"])
    assert (None, "gpu_not_initialized") in [(entry["image"], entry["code"]) for entry in plan["rejected"]]


@pytest.mark.parametrize(("driver", "code"), [("vfio-pci", "other_driver_bound"), ("nouveau", "nouveau_bound")])
def test_a_gpu_that_another_kernel_driver_holds_is_not_offered_either(host, driver, code):
    gpus(host.device("0000:82:00.0", driver=driver), "0000:01:00.0", version="550.163.01")
    report, plan = planned(host.nvidia_smi("gtx1080-550"))
    assert [(one["pci_bus_id"], one["code"]) for one in report["unavailable_gpus"]] == [("00000000:82:00.0", code)]
    assert plan["verdict"] == "native"
    assert any("00000000:82:00.0" in text for text in plan["warnings"])


def test_a_tool_that_hangs_for_all_is_asked_no_more_than_twice_alone(host):
    asked = []

    def hang(arguments):
        asked.append(arguments)
        return Result(None, "", "no answer within 60 seconds")

    report, plan = planned(gpus(host, *SLOTS).tool("nvidia-smi", hang))
    assert [arguments[:2] for arguments in asked if "-i" in arguments] == [["-i", "0"], ["-i", "1"]]
    assert (plan["verdict"], codes(report)) == ("impossible", ["nvidia_smi_failed"])


# The kernel module's flavor


@pytest.mark.parametrize(
    ("text", "words"), [(OPEN, "Pascal and Volta need the proprietary"), (PROPRIETARY, "Blackwell needs the open ones")]
)
def test_the_flavor_that_runs_is_named(host, text, words):
    version = "580.65.06" if text is OPEN else "550.163.01"
    report, plan = planned(says(gpus(host, "0000:05:00.0", version=version, text=text), "No devices were found\n", 6))
    assert (plan["verdict"], codes(report)) == ("impossible", ["gpu_not_initialized"])
    assert words in told(report, plan)
    assert "driver_missing" not in told(report, plan)
    assert "driver_not_answering" in {entry["code"] for entry in plan["rejected"]}


# Versions that do not fit


@pytest.mark.parametrize(
    ("library", "words", "never"),
    [("565.57.01", "reboot, or stop", "In a container"), ("535.183.06", "In a container", "reboot, or stop")],
)
def test_a_mismatch_has_two_directions(host, library, words, never):
    gpus(host, "0000:05:00.0", version="550.163.01").nvidia_smi("fault-18")
    report, plan = planned(host.write(f"usr/lib/x86_64-linux-gnu/libnvidia-ml.so.{library}"))
    assert (plan["verdict"], codes(report)) == ("impossible", ["driver_library_mismatch"])
    assert words in told(report, plan)
    assert never not in told(report, plan)


def test_the_library_s_version_is_read_from_the_tool_s_words(host):
    said = "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 570.133\n"
    report, plan = planned(says(gpus(host, "0000:05:00.0", version="580.95.05", text=OPEN), said, 18))
    assert report["driver"]["library_version"] == "570.133"
    assert "older than the module" in told(report, plan)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (
            "Mismatch in versions between nvidia-smi and NVML.\nAre you sure you are using nvidia-smi provided "
            "with the driver?\n",
            255,
        ),
        ("Failed to initialize NVML: Function Not Found\n", 13),
    ],
)
def test_a_tool_of_another_driver_is_no_missing_driver(host, said, status):
    report, plan = planned(says(gpus(host, "0000:05:00.0"), said, status))
    assert (plan["verdict"], codes(report)) == ("impossible", ["nvidia_smi_failed"])
    assert said.splitlines()[0] in told(report, plan)
    assert "driver_missing" not in {entry["code"] for entry in plan["rejected"]}


# WSL


def test_windows_numbers_of_branch_580_are_branch_580(host):
    report, plan = planned(wsl(host).nvidia_smi("gtx1060-wsl-550"))
    assert (report["driver"]["version"], report["driver"]["branch"]) == ("581.57", "580")
    assert (plan["verdict"], plan["cmake_cuda_architectures"]) == ("native", "61-real")
    assert "newer than the tables" not in told(report, plan)


@pytest.mark.parametrize("fixture", ["fault-9", "fault-12", "fault-17", "fault-18", "fault-4", "fault-999"])
def test_a_tool_that_fails_under_wsl_ends_in_its_words_and_what_to_do_in_windows(host, fixture):
    report, plan = planned(wsl(host).nvidia_smi(fixture))
    assert (report["gpu_present"], plan["verdict"]) == (True, "impossible")
    assert "wsl --update" in told(report, plan)
    assert "modprobe" not in told(report, plan)
    assert "has no NVIDIA GPU" not in told(report, plan)


@pytest.mark.parametrize(
    ("status", "text", "words"),
    [
        (-11, "", "SIGSEGV"),
        (139, "", "SIGSEGV"),
        (None, "", "no answer within"),
        (255, "Failed to initialize NVML: N/A\n", "NVML: N/A"),
        (1, "zsh: exec format error: nvidia-smi\n", "exec format error"),
        (6, "No devices were found\n", "no devices"),
    ],
)
def test_however_the_tool_fails_under_wsl_no_cpu_server_comes_of_it(host, status, text, words):
    err = "no answer within 60 seconds" if status is None else ""
    host.tool("nvidia-smi", lambda arguments: Result(status, text, err)).write("dev/dxg")
    report, plan = planned(host)
    assert (report["gpu_present"], plan["verdict"]) == (True, "impossible")
    assert words in told(report, plan)
    assert "wsl --update" in told(report, plan)


def test_wsl_with_nvidia_s_libraries_and_no_tool_has_a_gpu(host):
    report, plan = planned(wsl(host))
    assert (report["gpu_present"], plan["verdict"]) == (True, "impossible")
    assert "wsl --update" in told(report, plan)


def test_wsl_without_anything_of_nvidia_s_has_none(host):
    """The device /dev/dxg is there with a GPU of any maker."""
    report, plan = planned(host.write("dev/dxg"))
    assert (report["gpu_present"], plan["verdict"]) == (False, "cpu")


def test_a_library_that_crashes_leaves_the_tool_to_answer(host):
    def crash(function):
        raise IsolatedCallError("it was killed by SIGSEGV")

    gpus(host, "0000:01:00.0", version="550.163.01").nvidia_smi("gtx1080-550")
    report = host.report(isolate=crash)
    assert (report.source, len(report.gpus)) == ("nvidia_smi", 1)
    assert "SIGSEGV" in host.report("nvml", isolate=crash).problems[0].message


# No card on the bus, and a tool that says something


@pytest.mark.parametrize("fixture", ["fault-9", "fault-12", "fault-17", "fault-999"])
def test_a_failing_tool_without_a_card_is_no_cpu_server(host, fixture):
    report, plan = planned(host.nvidia_smi(fixture))
    assert (report["gpu_present"], plan["verdict"]) == (True, "impossible")
    assert "gpu_not_visible" in codes(report)
    assert "allow_cpu: always" in told(report, plan)


def test_a_driver_that_answers_that_there_is_none_makes_a_cpu_host(host):
    report, plan = planned(says(host, "No devices were found\n", 6))
    assert (report["gpu_present"], codes(report), plan["verdict"]) == (False, ["no_gpu"], "cpu")


# Tegra


def test_an_orin_has_a_uuid_of_its_own_form(host, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    host.write("etc/nv_tegra_release", "# R36 (release), REVISION: 4.3, GCID: 1, BOARD: generic\n")
    report, plan = planned(host.module("540.3.0", OPEN.replace("580.65.06", "540.3.0")).nvidia_smi("orin-535"))
    (gpu,) = report["gpus"]
    assert (gpu["uuid"], gpu["compute_capability"]) == ("5b1e7a40-87c2-5d11-9e0f-2a6c4f1d3b90", "8.7")
    assert (plan["verdict"], plan["cmake_cuda_architectures"], len(plan["servers"])) == ("native", "87-real", 1)
    assert report["unavailable_gpus"] == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("etc/nv_tegra_release", "# R35 (release), REVISION: 4.1, GCID: 33958178, BOARD: t186ref, EABI: aarch64\n"),
        ("etc/nv_tegra_release", "# R32 (release), REVISION: 7.4, GCID: 33514132, BOARD: t210ref\n"),
        ("proc/device-tree/compatible", "nvidia,p3737-0000\0nvidia,tegra234\0"),
        ("sys/module/nvgpu/refcnt", "3\n"),
    ],
)
def test_a_jetson_without_tools_has_a_gpu_and_no_driver_version(host, file, text):
    host.write("proc/driver/nvidia/version", OPEN.replace("580.65.06", "35.4.1")).write(file, text)
    report, plan = planned(host)
    assert (report["gpu_present"], report["driver"]["version"]) == (True, None)
    assert (plan["verdict"], codes(report)) == ("impossible", ["tegra_release_too_old"])
    assert "JetPack 6" in told(report, plan)
    assert planned(host, allow_cpu="always")[1]["verdict"] == "cpu"


# What a driver that answers does not allow


def test_no_plan_is_native_without_libcuda(host):
    report, plan = planned(
        gpus(host, "0000:01:00.0", "0000:02:00.0", version="570.172.07").nvidia_smi("no-libcuda-550")
    )
    assert (report["cuda_driver_version"], plan["verdict"]) == (None, "impossible")
    assert "libcuda_missing" in codes(report)
    assert "vGPU manager" in told(report, plan)


def test_compute_modes_limit_the_servers(host):
    gpus(host, "0000:01:00.0", "0000:02:00.0", "0000:03:00.0", version="535.230.02")
    report, plan = planned(host.nvidia_smi("v100x3-compute-modes-535"), instances_per_gpu=3, model="tiny")
    uuids = [gpu["uuid"] for gpu in report["gpus"]]
    assert [sum(server["gpu"] == uuid for server in plan["servers"]) for uuid in uuids] == [1, 0, 3]
    assert {"compute_mode_exclusive", "compute_mode_prohibited"} <= set(codes(report))
    assert any("one server, not 3" in text for text in plan["warnings"])


@pytest.mark.parametrize(
    ("fixture", "version", "code"),
    [
        ("vgpu-a40-8q-unlicensed-derived", "550.127.05", "vgpu_unlicensed"),
        ("vgpu-t4-4b-licensed-derived", "535.183.06", "vgpu_without_cuda"),
    ],
)
def test_a_vgpu_without_license_or_with_a_desktop_s_profile_is_not_served(host, fixture, version, code):
    report, plan = planned(gpus(host, "0000:01:00.0", version=version).nvidia_smi(fixture))
    assert (plan["verdict"], code in codes(report)) == ("impossible", True)
    assert code in [entry["code"] for entry in plan["rejected"]]


def test_a_line_after_the_xml_costs_nothing(host):
    report, plan = planned(gpus(host, "0000:01:00.0").nvidia_smi("t4-shutdown-fails-550"))
    assert (report["cuda_driver_version"], plan["verdict"]) == ("12.4", "native")
    assert "Failed to properly shut down" not in told(report, plan)


def test_compute_instances_of_one_gpu_instance_share_its_memory(host):
    gpus(host, "0000:01:00.0").nvidia_smi("h200-mig-550")
    report = host.report().to_dict()
    devices = report["gpus"][0]["mig_devices"]
    assert [(one["gpu_instance_id"], one["memory_free_mib"]) for one in devices] == [(1, 71151), (2, 16368)]
    needed = memory_of("base.en").weights_mib
    small, large = ({**devices[0], "memory_free_mib": mib} for mib in (needed + 10, 2 * needed + 10))
    served = {}
    for name, memory, instances in (
        ("one", small, (1,)),
        ("shared", small, (1, 1)),
        ("apart", small, (1, 2)),
        ("large", large, (1, 1)),
    ):
        listed = [{**memory, "uuid": f"MIG-{n}", "gpu_instance_id": one} for n, one in enumerate(instances)]
        report["gpus"][0]["mig_devices"] = listed
        served[name] = len(deployment_plan(report, policy={"gpus": [one["uuid"] for one in listed]})["gpus"])
    assert served == {"one": 1, "shared": 0, "apart": 2, "large": 2}


# Old drivers


def test_a_tool_without_compute_cap_says_where_it_is_told(host):
    report, plan = planned(gpus(host, "0000:0b:00.0", version="470.239.06").nvidia_smi("gt1030-470"))
    assert (report["gpus"][0]["compute_capability"], plan["verdict"]) == (None, "impossible")
    assert "libnvidia-ml.so.1" in told(report, plan)


def test_a_gpu_at_the_end_of_its_road_is_told_so(host):
    report, plan = planned(gpus(host, "0000:03:00.0", version="340.108").nvidia_smi("gts250-340"))
    assert (plan["verdict"], report["cuda_driver_version"]) == ("impossible", None)
    assert "340 is the last branch" in told(report, plan)
    assert "libcuda_missing" not in codes(report)
    assert "newest driver" not in told(report, plan)
    assert not any("pdate the driver" in text for text in plan["reasons"])


def test_the_binding_of_a_host_may_be_none_at_all(host):
    host.binding = Binding(None, "libnvidia-ml.so.1: cannot open shared object file: No such file or directory")
    report, _plan = planned(gpus(host, "0000:05:00.0"))
    assert codes(report) == ["nvml_missing", "nvidia_smi_failed"]
