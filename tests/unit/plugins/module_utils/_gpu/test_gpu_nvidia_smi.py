"""nvidia-smi's output, captured from the real tool (tests/fixtures/nvidia_smi/README.md)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import nvidia_smi_output as output
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import is_uuid
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvidia_smi import NvidiaSmi
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.processes import Processes
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.sysfs import HostFacts
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Result
from hypothesis import given
from hypothesis import strategies as st

FIXTURES = Path(__file__).parents[4] / "fixtures" / "nvidia_smi"
FILE_OF_OPTION = {"-q": "q-x.xml", "-L": "list.txt", "": "table.txt"}


class Captured:
    """A runner that answers with what the real tool printed."""

    def __init__(self, name):
        self.folder = FIXTURES / name
        self.asked = []

    def __call__(self, command):
        arguments, alone = list(command[1:]), ""
        if arguments[:1] == ["-i"]:
            alone, arguments = f"i{arguments[1]}-", arguments[2:]
        option = arguments[0] if arguments else ""
        self.asked.append(option)
        name = alone + ("query.csv" if option.startswith("--query-gpu") else FILE_OF_OPTION[option])
        file = self.folder / name
        return Result(int(Path(f"{file}.rc").read_text(encoding="utf-8")), file.read_text(encoding="utf-8"), "")


def observe(runner, host=None, binary="/usr/bin/nvidia-smi"):
    return NvidiaSmi(binary, runner, host or HostFacts(), Processes("/nonexistent")).observe()


def codes(observation):
    return [problem.code for problem in observation.problems]


def test_a_gtx_1080_is_read_field_by_field():
    seen = observe(Captured("gtx1080-550"))
    assert (seen.usable, seen.driver_version, seen.cuda_driver_version, codes(seen)) == (True, "550.163.01", "12.4", [])
    (gpu,) = seen.gpus
    assert asdict(gpu) == {
        "index": 0,
        "uuid": "GPU-00001080-0000-0000-0000-000000000000",
        "name": "NVIDIA GeForce GTX 1080",
        "pci_bus_id": "00000000:01:00.0",
        "compute_capability": "6.1",
        "architecture": "pascal",
        "memory_total_mib": 8192,
        "memory_used_mib": 488,
        "memory_free_mib": 7630,
        "utilization_percent": 3,
        "temperature_c": 41,
        "power_w": 9.51,
        "persistence_mode": False,
        "compute_mode": "default",
        "virtualization": "none",
        "vgpu_license": None,
        "mig_mode": None,
        "mig_devices": [],
        "processes": [
            {
                "pid": 4242,
                "name": "/app/build/bin/whisper-server",
                "used_memory_mib": 412,
                "container_id": None,
                "gpu_instance_id": None,
            }
        ],
    }


def test_a_real_h100_is_read_field_by_field():
    seen = observe(Captured("h100-580"))
    assert (seen.usable, seen.driver_version, seen.cuda_driver_version, codes(seen)) == (True, "580.159.04", "13.0", [])
    (gpu,) = seen.gpus
    assert asdict(gpu) == {
        "index": 0,
        "uuid": "GPU-faaa55c8-2efd-f945-1c38-fb1b4e67de5a",
        "name": "NVIDIA H100 80GB HBM3",
        "pci_bus_id": "00000000:00:06.0",
        "compute_capability": "9.0",
        "architecture": "hopper",
        "memory_total_mib": 81559,
        "memory_used_mib": 0,
        "memory_free_mib": 81079,
        "utilization_percent": 0,
        "temperature_c": 36,
        "power_w": 73.19,
        "persistence_mode": True,
        "compute_mode": "default",
        "virtualization": "passthrough",
        "vgpu_license": None,
        "mig_mode": False,
        "mig_devices": [],
        "processes": [],
    }


def test_two_gpus_keep_their_order_and_their_own_processes():
    seen = observe(Captured("a100x2-535"))
    assert [(gpu.index, gpu.pci_bus_id, gpu.architecture) for gpu in seen.gpus] == [
        (0, "00000000:07:00.0", "ampere"),
        (1, "00000000:0F:00.0", "ampere"),
    ]
    assert [[process.pid for process in gpu.processes] for gpu in seen.gpus] == [[4242, 4343], []]
    assert {gpu.mig_mode for gpu in seen.gpus} == {False}
    assert seen.gpus[0].persistence_mode is True


def test_mig_devices_have_names_and_uuids_from_the_list_and_memory_from_the_xml():
    (gpu,) = observe(Captured("h200-mig-550")).gpus
    assert gpu.mig_mode is True
    assert [(device.name, device.uuid, device.memory_total_mib) for device in gpu.mig_devices] == [
        ("MIG 3g.71gb", "MIG-3f0c8e3b-7c1d-5a52-9f0e-5f1c6c1f0a01", 71167),
        ("MIG 1g.18gb", "MIG-3f0c8e3b-7c1d-5a52-9f0e-5f1c6c1f0a02", 16384),
    ]


def test_entries_without_a_pid_are_no_processes():
    (gpu,) = observe(Captured("h200-mig-550")).gpus
    assert gpu.processes == []


def test_the_list_is_asked_for_only_where_mig_is_on():
    without, with_mig = Captured("a100x2-535"), Captured("h200-mig-550")
    observe(without)
    observe(with_mig)
    assert ("-L" in without.asked, "-L" in with_mig.asked) == (False, True)


def test_one_lost_gpu_leaves_the_other_one_whole():
    seen = observe(Captured("a100x2-lost-550"))
    assert codes(seen) == ["gpu_lost"]
    assert "00000000:0F:00.0" in seen.problems[0].message
    assert [gpu.memory_total_mib for gpu in seen.gpus] == [40960]
    assert [(gpu.pci_bus_id, gpu.code) for gpu in seen.unavailable] == [("00000000:0F:00.0", "gpu_lost")]


def test_the_version_labels_of_r610_are_read_from_the_table():
    seen = observe(Captured("a100x2-r610-derived"))
    assert (seen.driver_version, seen.cuda_driver_version) == ("610.57.04", "13.3")


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ("| NVIDIA-SMI 470.256.02   Driver Version: 470.256.02   CUDA Version: 11.4     |", ("470.256.02", "11.4")),
        ("NVIDIA-SMI version  : 616.56\nKMD version : 616.56\nCUDA UMD version : 13.4\n", ("616.56", "13.4")),
        ("| NVIDIA-SMI 340.102    Driver Version: 340.102        |", ("340.102", None)),
        ("Driver Version: N/A  CUDA Version: N/A", (None, None)),
    ],
)
def test_header_of_any_age(text, versions):
    assert output.read_header(text) == versions


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("fault-4", "no_permission"),
        ("fault-9", "driver_not_loaded"),
        ("fault-12", "nvml_missing"),
        ("fault-15", "gpu_lost"),
        ("fault-17", "no_permission"),
        ("fault-18", "driver_library_mismatch"),
        ("fault-999", "nvml_unknown_error"),
    ],
)
def test_each_failure_of_the_real_tool_has_its_code(fault, code):
    seen = observe(Captured(fault))
    assert (seen.usable, codes(seen)) == (False, [code])


def test_a_mismatch_names_both_versions():
    seen = observe(Captured("fault-18"), HostFacts(kernel_module_version="550.144.03", library_version="550.163.01"))
    assert "550.144.03" in seen.problems[0].message
    assert "550.163.01" in seen.problems[0].message


def test_a_missing_tool_is_a_problem_and_no_error():
    assert codes(observe(Captured("gtx1080-550"), binary=None)) == ["nvidia_smi_failed"]


def test_a_tool_that_never_answers_is_a_problem_that_says_so():
    seen = observe(lambda command: Result(None, "", "no answer within 60 seconds"))
    assert codes(seen) == ["nvidia_smi_failed"]
    assert "no answer within 60 seconds" in seen.problems[0].message


def test_a_driver_that_offers_no_gpu_answers_all_the_same():
    seen = observe(
        lambda command: Result(6, "No devices were found\n", ""), HostFacts(kernel_module_version="580.65.06")
    )
    assert (seen.usable, seen.driver_version, seen.gpus, codes(seen)) == (True, "580.65.06", [], [])


def test_xml_that_ends_in_the_middle_has_the_code_of_the_exit_status():
    half = (FIXTURES / "a100x2-lost-550" / "q-x.xml").read_text(encoding="utf-8")[:9000]
    assert codes(observe(lambda command: Result(15, half, ""))) == ["gpu_lost"]
    assert codes(observe(lambda command: Result(0, half, ""))) == ["nvidia_smi_failed"]


def test_an_old_tool_that_refuses_compute_cap_still_gives_index_and_power():
    captured = Captured("gtx1080-550")

    def before_compute_cap(command):
        if len(command) > 1 and "compute_cap" in command[1]:
            return Result(2, 'Field "compute_cap" is not a valid field to query.\n\n', "")
        result = captured(command)
        return result._replace(out=result.out.replace(", 6.1", "")) if "--query-gpu" in command[1] else result

    (gpu,) = observe(before_compute_cap).gpus
    assert (gpu.index, gpu.power_w, gpu.compute_capability, gpu.architecture) == (0, 9.51, None, None)


def test_without_the_query_the_power_comes_from_the_xml_of_either_release():
    for name, watts in (("gtx1080-550", 9.51), ("a100x2-535", 61.2)):
        log = output.read_log((FIXTURES / name / "q-x.xml").read_text(encoding="utf-8"))
        assert log.gpus[0].power_w == watts


def test_a_process_name_that_breaks_the_xml_costs_only_the_names():
    text = (FIXTURES / "gtx1080-550" / "q-x.xml").read_text(encoding="utf-8")
    broken = text.replace("/app/build/bin/whisper-server", "sh -c a&b <c \x01")
    (gpu,) = output.read_log(broken).gpus
    assert [(process.pid, process.name, process.used_memory_mib) for process in gpu.processes] == [(4242, None, 412)]


def test_the_index_is_unknown_where_a_gpu_was_left_out():
    text = (FIXTURES / "a100x2-535" / "q-x.xml").read_text(encoding="utf-8")
    first_missing = text[: text.index("<gpu ")] + text[text.rindex("<gpu ") :]
    assert [gpu.index for gpu in output.read_log(first_missing).gpus] == [None]


CAPTURED = [file.read_text(encoding="utf-8") for file in sorted(FIXTURES.glob("*/*")) if file.suffix != ".rc"]


@given(st.one_of(st.text(), st.sampled_from(CAPTURED)), st.integers(0, 20000), st.text(max_size=40))
def test_whatever_the_tool_prints_it_is_an_observation(text, place, noise):
    damaged = text[: place % (len(text) + 1)] + noise + text[place % (len(text) + 1) + len(noise) :]
    seen = observe(lambda command: Result(0, damaged, ""))
    assert seen.usable or codes(seen) == ["nvidia_smi_failed"]


@given(st.sampled_from(CAPTURED), st.data())
def test_any_value_in_the_xml_may_be_anything(text, data):
    """Element by element, so that the XML stays well-formed."""
    pieces = text.split("<")
    if len(pieces) > 1:
        index = data.draw(st.integers(1, len(pieces) - 1))
        tag, closing = pieces[index].partition(">")[:2]
        value = data.draw(st.text(st.characters(blacklist_characters="<&", blacklist_categories=("Cs", "Cc"))))
        pieces[index] = tag + closing + value
    seen = observe(lambda command: Result(0, "<".join(pieces), ""))
    assert seen.usable or codes(seen) == ["nvidia_smi_failed"]


@given(st.one_of(st.none(), st.integers(-255, 255)), st.text(), st.text())
def test_any_exit_status_is_an_observation(status, out, err):
    seen = observe(lambda command: Result(status, out, err))
    assert seen.usable or len(seen.problems) == 1


@given(st.text())
def test_the_query_and_the_list_are_read_or_skipped(text):
    assert all(is_uuid(row.uuid) for row in output.read_query(text))
    assert all(uuid.startswith("MIG-") for gpu in output.read_mig_list(text).values() for name, uuid in gpu.values())
