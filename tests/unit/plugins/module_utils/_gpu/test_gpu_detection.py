"""Whole hosts as directory trees: what the kernel shows, and the report that comes out of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.detect import BACKENDS, Detector
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml_binding import Binding
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Result

FIXTURES = Path(__file__).parents[4] / "fixtures" / "nvidia_smi"
RELEASE = "6.12.0-test"
NVIDIA, INTEL = "0x10de", "0x8086"
PROPRIETARY = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.163.01  Tue Apr  8 12:41:17 UTC 2025\n"
    "GCC version:  gcc version 14.2.0 (Debian 14.2.0-19)\n"
)
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (root@host)\n"
# Of a host with an L4, as posted in a pull request of canonical/snapd (#14893); name and address are ours.
INFORMATION = """Model: \t\t NVIDIA GeForce GTX 1080
IRQ:   \t\t 16
GPU UUID: \t GPU-3291dfa4-fcc4-0110-615b-c894a0d7c689
Video BIOS: \t 95.04.65.00.13
Bus Type: \t PCIe
DMA Size: \t 47 bits
DMA Mask: \t 0x7fffffffffff
Bus Location: \t 0000:01:00.0
Device Minor: \t 0
GPU Excluded:\t No
"""


def call_here(function):
    """Without a process of its own, which coverage would not see."""
    return function()


class Host:
    """A host to be: a directory tree, the tools it has, and what they say."""

    def __init__(self, root):
        self.root = root
        self.tools = {}
        self.binding = Binding(None, "No module named 'pynvml'")

    def write(self, path, text=""):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return self

    def device(self, bus_id="0000:01:00.0", vendor=NVIDIA, kind="0x030000", driver=None):
        path = f"sys/bus/pci/devices/{bus_id}"
        self.write(f"{path}/vendor", vendor + "\n").write(f"{path}/class", kind + "\n")
        if driver:
            os.symlink(f"../../../bus/pci/drivers/{driver}", self.root / path / "driver")
        return self

    def module(self, version="550.163.01", text=PROPRIETARY):
        self.write("sys/module/nvidia/version", version + "\n").write("proc/driver/nvidia/version", text)
        return self.write("dev/nvidiactl").write("dev/nvidia0")

    def installed_modules(self, *names):
        lines = [f"updates/dkms/{name}: kernel/drivers/video.ko" for name in names]
        return self.write(f"lib/modules/{RELEASE}/modules.dep", "\n".join(["kernel/fs/ext4/ext4.ko.xz:", *lines, ""]))

    def tool(self, name, answer):
        self.tools[name] = answer
        return self

    def nvidia_smi(self, fixture):
        def answer(arguments):
            alone = ""
            if arguments[:1] == ["-i"]:
                alone, arguments = f"i{arguments[1]}-", arguments[2:]
            option = arguments[0] if arguments else ""
            name = alone + (
                "query.csv" if "query" in option else {"-q": "q-x.xml", "-L": "list.txt", "": "table.txt"}[option]
            )
            file = FIXTURES / fixture / name
            return Result(int(Path(f"{file}.rc").read_text(encoding="utf-8")), file.read_text(encoding="utf-8"), "")

        return self.tool("nvidia-smi", answer)

    def toolkit(self, version="1.20.1"):
        printed = (FIXTURES.parent / "nvidia_ctk" / "version.txt").read_text(encoding="utf-8")
        return self.tool("nvidia-ctk", lambda arguments: Result(0, printed.replace("1.20.0", version), ""))

    def loader_cache(self, *paths):
        lines = "".join(f"\tlibcuda.so.1 (libc6,x86-64) => {path}\n" for path in paths)
        return self.tool(
            "ldconfig", lambda arguments: Result(0, f"9 libs found in cache `/etc/ld.so.cache'\n{lines}", "")
        )

    def report(self, backend="auto", isolate=call_here):
        detector = Detector(
            root=str(self.root),
            kernel_release=RELEASE,
            runner=lambda command: self.tools[command[0]](command[1:]),
            which=lambda name: name if name in self.tools else None,
            binding=lambda: self.binding,
        )
        detector.isolate = isolate
        return detector.report(backend)


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def codes(report):
    return [problem.code for problem in report.problems]


def test_a_host_without_nvidia_hardware_has_one_problem(host):
    report = host.device(vendor=INTEL, driver="i915").report()
    assert (report.gpu_present, report.source, report.driver.flavor) == (False, "sysfs", "none")
    assert (codes(report), report.gpus) == (["no_gpu"], [])


@pytest.mark.parametrize("kind", ["0x040300", "0x0c0330", "0x0c8000"])
def test_the_sound_and_usb_functions_of_a_card_are_no_gpus(host, kind):
    assert not host.device(kind=kind).report().gpu_present


@pytest.mark.parametrize("kind", ["0x030000", "0x030200", "0x038000"])
def test_display_and_3d_controllers_are_gpus(host, kind):
    assert host.device(kind=kind).report().gpu_present


def test_a_gpu_without_a_driver_is_present_and_the_driver_is_missing(host):
    report = host.device().installed_modules("nvidiafb.ko", "i2c-nvidia-gpu.ko").report()
    assert (report.gpu_present, report.source, codes(report)) == (True, "sysfs", ["driver_missing"])
    assert [gpu.pci_bus_id for gpu in report.gpus] == ["00000000:01:00.0"]
    assert (report.gpus[0].compute_capability, report.gpus[0].memory_total_mib) == (None, None)


@pytest.mark.parametrize("name", ["nvidia.ko", "nvidia.ko.zst", "nvidia-current.ko.xz", "nvidia-tesla-470.ko"])
def test_a_driver_that_is_installed_and_not_loaded(host, name):
    assert codes(host.device().installed_modules(name, "nvidia-current-drm.ko").report()) == ["driver_not_loaded"]


def test_helper_modules_alone_are_no_driver(host):
    report = host.device().installed_modules("nvidia-drm.ko", "nvidia-current-uvm.ko").report()
    assert codes(report) == ["driver_missing"]


def test_without_a_list_of_modules_nothing_is_claimed_about_what_is_installed(host):
    assert codes(host.device().report()) == ["driver_not_loaded"]


def test_nouveau_is_named_and_no_other_complaint_drowns_it(host):
    report = host.device(driver="nouveau").nvidia_smi("fault-9").report()
    assert (report.driver.flavor, codes(report)) == ("nouveau", ["nouveau_bound"])


def test_a_gpu_held_for_a_virtual_machine_is_named_with_its_holder(host):
    report = host.device(driver="vfio-pci").report()
    assert codes(report) == ["other_driver_bound"]
    assert "vfio-pci" in report.problems[0].message


def test_the_kernel_alone_knows_names_and_uuids_of_a_loaded_driver(host):
    host.device(driver="nvidia").module().toolkit()
    host.write("proc/driver/nvidia/gpus/0000:01:00.0/information", INFORMATION)
    report = host.report("sysfs")
    assert (report.source, codes(report)) == ("sysfs", [])
    assert (report.driver.version, report.driver.branch, report.driver.flavor) == ("550.163.01", "550", "proprietary")
    assert (report.gpus[0].name, report.gpus[0].uuid) == (
        "NVIDIA GeForce GTX 1080",
        "GPU-3291dfa4-fcc4-0110-615b-c894a0d7c689",
    )


def test_a_uuid_of_question_marks_is_unknown(host):
    unused = INFORMATION.replace("GPU-3291dfa4-fcc4-0110-615b-c894a0d7c689", "GPU-????????-????-????-????-????????????")
    host.device(driver="nvidia").module().write("proc/driver/nvidia/gpus/0000:01:00.0/information", unused)
    assert host.report("sysfs").gpus[0].uuid is None


def test_open_kernel_modules_are_told_apart(host):
    report = host.device(driver="nvidia").module("580.65.06", OPEN).report("sysfs")
    assert (report.driver.flavor, report.driver.kernel_module_version) == ("open", "580.65.06")


def test_a_module_that_does_not_say_what_it_is_has_no_flavor(host):
    assert host.device(driver="nvidia").module(text="").report("sysfs").driver.flavor is None


def test_nvidia_smi_is_used_where_the_binding_is_missing_and_that_is_no_problem(host):
    report = host.device(driver="nvidia").module().nvidia_smi("gtx1080-550").toolkit().report()
    assert (report.source, codes(report)) == ("nvidia_smi", ["persistence_off"])
    assert (report.gpus[0].compute_capability, report.driver.flavor) == ("6.1", "proprietary")


def test_with_neither_binding_nor_tool_both_ways_out_are_named(host):
    report = host.device(driver="nvidia").module().toolkit().report()
    assert report.source == "sysfs"
    assert codes(report) == ["nvml_missing", "nvidia_smi_failed"]


def test_what_the_tool_met_counts_more_than_a_missing_binding(host):
    report = host.device(driver="nvidia").module().toolkit().nvidia_smi("fault-999").report()
    assert codes(report) == ["nvml_unknown_error"]


def test_missing_device_nodes_explain_a_driver_that_does_not_answer(host):
    host.device(driver="nvidia").module().toolkit().nvidia_smi("fault-9")
    (host.root / "dev" / "nvidiactl").unlink()
    report = host.report()
    assert codes(report) == ["device_nodes_missing"]
    assert "/dev/nvidiactl" in report.problems[0].message


def test_an_upgraded_library_is_seen_by_its_file_name_once(host):
    host.device(driver="nvidia").module("550.144.03").toolkit().nvidia_smi("fault-18")
    host.write("usr/lib/x86_64-linux-gnu/libnvidia-ml.so.550.163.01")
    report = host.report()
    assert codes(report) == ["driver_library_mismatch"]
    assert (report.driver.kernel_module_version, report.driver.library_version) == ("550.144.03", "550.163.01")


def test_libraries_of_two_versions_are_no_evidence(host):
    host.device(driver="nvidia").module().toolkit()
    for version in ("550.163.01", "535.261.03"):
        host.write(f"usr/lib/x86_64-linux-gnu/libnvidia-ml.so.{version}")
    report = host.report("sysfs")
    assert (report.driver.library_version, codes(report)) == (None, [])


@pytest.mark.parametrize(
    ("version", "found"), [("450.51.05", ["driver_too_old"]), ("450.80.02", []), ("580.65.06", [])]
)
def test_a_driver_below_every_known_toolkit_is_too_old(host, version, found):
    assert codes(host.device(driver="nvidia").module(version).toolkit().report("sysfs")) == found


def test_a_gpu_on_the_bus_that_the_driver_does_not_offer_is_named(host):
    host.device(driver="nvidia").device("0000:0a:00.0", driver="nvidia").module().toolkit()
    report = host.nvidia_smi("gtx1080-550").report()
    assert "gpu_not_initialized" in codes(report)
    named = next(problem for problem in report.problems if problem.code == "gpu_not_initialized")
    assert "00000000:0A:00.0" in named.message
    assert "00000000:01:00.0" not in named.message


def test_a_driver_that_answers_without_a_pci_device_proves_a_gpu(host):
    report = host.nvidia_smi("gtx1080-550").report()
    assert (report.gpu_present, report.driver.flavor) == (True, None)
    assert "no_gpu" not in codes(report)


def test_the_toolkit_is_missed_only_where_a_driver_works(host):
    assert "toolkit_missing" not in codes(host.device(driver="nouveau").report())


def test_the_toolkit_is_missed_where_a_driver_works(host):
    assert "toolkit_missing" in codes(host.device(driver="nvidia").module().nvidia_smi("gtx1080-550").report())


@pytest.mark.parametrize(
    ("version", "found"),
    [
        ("1.17.8", ["toolkit_vulnerable"]),
        ("1.19.0-rc.1", ["toolkit_vulnerable"]),
        ("1.9.1", ["toolkit_vulnerable"]),
        ("1.19.1", []),
        ("1.20.0", []),
        ("2.0.0", []),
        ("unknown", []),
    ],
)
def test_the_security_floor_of_the_toolkit(host, version, found):
    assert codes(host.device(driver="nvidia").module().toolkit(version).report("sysfs")) == found


def compat(host, version):
    library = host.root / "usr/local/cuda-12.8/compat" / f"libcuda.so.{version}"
    host.write(f"usr/local/cuda-12.8/compat/libcuda.so.{version}")
    link = library.parent / "libcuda.so.1"
    link.symlink_to(library.name)
    host.loader_cache(str(link), "/usr/lib/x86_64-linux-gnu/libcuda.so.1")


def test_a_compat_library_in_front_of_a_geforce_is_a_problem(host):
    host.device(driver="nvidia").module().toolkit().nvidia_smi("gtx1080-550")
    compat(host, "570.86.10")
    report = host.report()
    assert "compat_library_shadows_driver" in codes(report)
    shadow = next(problem for problem in report.problems if problem.code == "compat_library_shadows_driver")
    assert "570.86.10" in shadow.message


@pytest.mark.parametrize(("version", "found"), [("570.86.10", False), ("535.54.03", True)])
def test_on_a_data_centre_gpu_only_an_older_compat_library_is_a_problem(host, version, found):
    host.device("0000:07:00.0", driver="nvidia").module().toolkit().nvidia_smi("a100x2-535")
    compat(host, version)
    assert ("compat_library_shadows_driver" in codes(host.report())) == found


def test_the_driver_s_own_library_in_front_is_no_problem(host):
    host.device(driver="nvidia").module().toolkit().nvidia_smi("gtx1080-550")
    host.loader_cache("/usr/lib/x86_64-linux-gnu/libcuda.so.1", "/usr/local/cuda-12.8/compat/libcuda.so.1")
    assert "compat_library_shadows_driver" not in codes(host.report())


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_key_is_there_on_a_bare_host_and_on_a_whole_one(host, backend, tmp_path):
    bare = Host(tmp_path / "bare").report(backend).to_dict()
    whole = host.device(driver="nvidia").module().toolkit().nvidia_smi("gtx1080-550").report(backend).to_dict()
    assert set(bare) == set(whole) == {
        "machine", "gpu_present", "driver", "cuda_driver_version", "gpus", "unavailable_gpus", "source", "problems",
    }  # fmt: skip
    assert set(bare["driver"]) == set(whole["driver"])


@pytest.mark.parametrize(("backend", "code"), [("nvml", "nvml_missing"), ("nvidia_smi", "nvidia_smi_failed")])
def test_a_forced_backend_is_used_alone_and_says_what_it_lacks(host, backend, code):
    report = host.device(driver="nvidia").module().toolkit().report(backend)
    assert (report.source, codes(report)) == (backend, [code])


def test_every_remedy_points_to_the_section_of_its_problem(host):
    host.device(driver="nvidia").device("0000:0a:00.0", driver="vfio-pci").module("440.33.01").nvidia_smi("fault-18")
    for problem in host.report().problems:
        assert problem.remedy.endswith(f" See docs/troubleshooting.md#{problem.code}")
