"""Real libraries, held against what the real cuobjdump said of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._image import device_code, fatbin
from ansible_collections.whisperops.gpu.plugins.module_utils._image.reader import BytesReader

sys.path.insert(0, str(Path(__file__).parent))
from fatbin_fixtures import DIRECTORY, label, libraries, load_build_matrix  # beside this file

TOOLKITS = ["cuda-12.4", "cuda-13.5"]
OLDEST = {"cuda-12.4": "50", "cuda-13.5": "75"}
ISA = {"cuda-12.4": "8.4", "cuda-13.5": "9.5"}


def read(path: Path) -> device_code.DeviceCode:
    code = device_code.read_device_code(BytesReader(path.read_bytes()))
    assert code is not None
    return code


@pytest.mark.parametrize("path", libraries(), ids=label)
def test_every_entry_is_the_one_that_cuobjdump_names(path: Path) -> None:
    said = load_build_matrix().parse_description(path.with_name(f"{path.name}.cuobjdump.txt").read_text())
    assert said.sass or said.ptx or said.lto, "the recorded output was not understood"
    code = read(path)
    assert code.damage is None
    assert [entry.architecture for entry in code.entries() if entry.kind == fatbin.SASS] == said.sass
    assert [(entry.architecture, entry.isa) for entry in code.entries() if entry.kind == fatbin.PTX] == said.ptx
    assert [entry.architecture for entry in code.entries() if entry.kind == fatbin.LTO_IR] == said.lto
    assert (len(said.sass), len(said.ptx)) == (said.listed_elf, said.listed_ptx)


@pytest.mark.parametrize("toolkit", TOOLKITS)
def test_the_stub_of_the_link_step_is_no_code_for_its_architecture(toolkit: str) -> None:
    library = device_code.library_as_dict("l", 0, read(DIRECTORY / toolkit / "stub_of_another_architecture.so"))
    assert library["sass"] == ["80", "86", "90"]
    assert library["complete"] == ["86", "90"]
    assert library["complete_ptx"] == [{"arch": "90", "isa": ISA[toolkit]}]
    assert (library["containers"], library["stub_containers"]) == (2, 1)


@pytest.mark.parametrize("toolkit", TOOLKITS)
def test_what_only_some_source_files_were_compiled_for_is_not_complete(toolkit: str) -> None:
    library = device_code.library_as_dict("l", 0, read(DIRECTORY / toolkit / "uneven.so"))
    assert library["sass"] == ["80", "86"]
    assert library["complete"] == ["86"]
    assert [ptx["arch"] for ptx in library["ptx"]] == ["80", "90"]
    assert [ptx["arch"] for ptx in library["complete_ptx"]] == ["80"]


@pytest.mark.parametrize("toolkit", TOOLKITS)
def test_source_without_a_kernel_is_no_device_code(toolkit: str) -> None:
    code = read(DIRECTORY / toolkit / "no_kernel.so")
    assert code.complete_sass == set()
    assert [problem.code for problem in device_code.library_problems("l", code)] == ["no_device_code"]


@pytest.mark.parametrize("toolkit", TOOLKITS)
def test_ptx_that_the_device_linker_dropped_is_not_promised(toolkit: str) -> None:
    path = DIRECTORY / toolkit / "relocatable_linked.so"
    code = read(path)
    assert code.sass == {OLDEST[toolkit], "90"}
    assert code.ptx == set()
    assert not code.relocatable
    # The relocatable section still has it, and a plain search of the file would find it.
    assert b"__nv_relfatbin" in path.read_bytes()


@pytest.mark.parametrize("toolkit", TOOLKITS)
def test_a_relocatable_object_says_that_it_does_not_run_as_it_is(toolkit: str) -> None:
    code = read(DIRECTORY / toolkit / "relocatable_object.o")
    assert code.relocatable
    assert code.sass == {OLDEST[toolkit], "86", "90"}
    assert [problem.code for problem in device_code.library_problems("l", code)] == ["device_code_not_linked"]


@pytest.mark.parametrize("toolkit", TOOLKITS)
def test_lto_code_alone_does_not_run(toolkit: str) -> None:
    code = read(DIRECTORY / toolkit / "lto_object.o")
    assert (code.sass, code.ptx, code.lto) == (set(), set(), {"86"})
    assert [problem.code for problem in device_code.library_problems("l", code)] == ["lto_only"]


def test_family_and_architecture_specific_targets_keep_their_letter() -> None:
    assert read(DIRECTORY / "cuda-13.5" / "family_specific.so").sass == {"100f", "120f"}
    assert read(DIRECTORY / "cuda-12.4" / "architecture_specific_beside_plain.so").sass == {"90", "90a"}


def test_architectures_are_in_the_order_of_their_numbers() -> None:
    assert device_code.in_order({"120f", "90a", "61", "90", "100"}) == ["61", "90", "90a", "100", "120f"]


def test_of_two_isa_versions_the_driver_must_know_the_newer() -> None:
    ptx = {("80", "8.9"), ("80", "8.10"), ("90", "8.4")}
    assert device_code.newest_isa(ptx, {"80"}) == {("80", "8.10")}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/opt/libcublasLt.so.12.4.5.8", True),
        ("/opt/libcudnn_engines_precompiled.so.9", True),
        ("/usr/lib/libcuda.so.1", True),
        ("/app/libggml-cuda.so", False),
        ("/app/libtorch_cuda.so", False),
        ("/app/whisper-server", False),
    ],
)
def test_nvidias_own_libraries_are_known_by_their_names(name: str, expected: bool) -> None:
    assert device_code.is_from_nvidia(name) is expected


def test_a_host_program_has_no_device_code() -> None:
    assert device_code.read_device_code(BytesReader(Path(sys.executable).resolve().read_bytes())) is None


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\n", b"MZ" + bytes(200), b"\x7fELF\x01\x01" + bytes(100)])
def test_what_is_no_64_bit_elf_file_has_no_device_code(content: bytes) -> None:
    assert device_code.read_device_code(BytesReader(content)) is None
