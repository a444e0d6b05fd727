"""The whole matrix built with the toolkits that are here, and each file held against their cuobjdump."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._image import device_code, fatbin
from ansible_collections.whisperops.gpu.plugins.module_utils._image.file_tree import open_on_host

sys.path.insert(0, str(Path(__file__).parent))
from fatbin_fixtures import load_build_matrix  # beside this file

MATRIX = load_build_matrix()
ASKED_FOR = "WHISPEROPS_NVCC" in os.environ
CHECKED: Counter[str] = Counter()


def _beside_python_packages(name: str) -> str | None:
    """Where pip puts the programs of NVIDIA's wheels."""
    found = sorted(Path(sysconfig.get_path("purelib")).glob(f"nvidia/cu*/bin/{name}"))
    return str(found[-1]) if found else None


def toolkits() -> list[Any]:
    """WHISPEROPS_NVCC, WHISPEROPS_CUOBJDUMP and WHISPEROPS_NVCC_HOST_COMPILER, several of each separated by colons."""

    def given(variable: str) -> list[str]:
        return [path for path in os.environ.get(variable, "").split(os.pathsep) if path]

    compilers = given("WHISPEROPS_NVCC_HOST_COMPILER")
    found = []
    # Toolkits of which only the assembler is there make no libraries.
    nvccs = [path for path in given("WHISPEROPS_NVCC") if Path(path).name == "nvcc"]
    if not ASKED_FOR:
        nvccs = [_beside_python_packages("nvcc") or shutil.which("nvcc") or ""]
    for index, nvcc in enumerate(filter(None, nvccs)):
        dumps = given("WHISPEROPS_CUOBJDUMP")
        beside = str(Path(nvcc).with_name("cuobjdump"))
        dump = dumps[index] if index < len(dumps) else shutil.which(beside) or shutil.which("cuobjdump")
        if dump:
            found.append(MATRIX.Toolkit(nvcc, dump, compilers[index] if index < len(compilers) else None))
    return found


TOOLKITS = toolkits()
NONE_HERE = "no nvcc with a cuobjdump: set WHISPEROPS_NVCC and WHISPEROPS_CUOBJDUMP; `make unit-cuda` fetches them"


def without_toolkits() -> NoReturn:
    """A toolkit that was asked for and is missing is a failure."""
    (pytest.fail if ASKED_FOR else pytest.skip)(NONE_HERE)


def cases() -> list[Any]:
    if not TOOLKITS:
        return [pytest.param(None, None, id="no-toolkit")]
    return [
        pytest.param(toolkit, case, id=f"{toolkit.version}-{case.name}")
        for toolkit in TOOLKITS
        for case in MATRIX.cases(toolkit)
    ]


def agree(toolkit: Any, file: Path) -> None:
    said = MATRIX.parse_description(toolkit.describe(file))
    assert said.sass or said.ptx or said.lto
    with open_on_host(str(file)) as reader:
        code = device_code.read_device_code(reader)
    assert code is not None
    assert code.damage is None
    assert [entry.architecture for entry in code.entries() if entry.kind == fatbin.SASS] == said.sass
    assert [(entry.architecture, entry.isa) for entry in code.entries() if entry.kind == fatbin.PTX] == said.ptx
    assert [entry.architecture for entry in code.entries() if entry.kind == fatbin.LTO_IR] == said.lto
    assert (len(said.sass), len(said.ptx)) == (said.listed_elf, said.listed_ptx)
    CHECKED["libraries and objects"] += 1
    CHECKED["entries"] += len(said.sass) + len(said.ptx) + len(said.lto)


@pytest.mark.parametrize(("toolkit", "case"), cases())
def test_what_is_read_is_what_cuobjdump_says_before_and_after_strip(toolkit: Any, case: Any, tmp_path: Path) -> None:
    if toolkit is None:
        without_toolkits()
    file = MATRIX.build(toolkit, case, tmp_path)
    agree(toolkit, file)
    MATRIX.strip(file)
    agree(toolkit, file)


@pytest.mark.parametrize("toolkit", TOOLKITS or [None])
def test_what_nvcc_links_from_host_code_alone_has_none(toolkit: Any, tmp_path: Path) -> None:
    if toolkit is None:
        without_toolkits()
    source = tmp_path / "host.cpp"
    source.write_text("int answer() { return 42; }\n")
    toolkit.compile("-shared", "-cudart", "none", "-o", tmp_path / "host.so", source)
    assert not MATRIX.parse_description(toolkit.describe(tmp_path / "host.so")).sass
    with open_on_host(str(tmp_path / "host.so")) as reader:
        assert device_code.read_device_code(reader) is None


def test_the_number_of_files_read_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    if not TOOLKITS:
        without_toolkits()
    with capsys.disabled():
        versions = ", ".join(toolkit.version for toolkit in TOOLKITS)
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(CHECKED.items(), reverse=True))
        print(f"\n{kinds} held against the cuobjdump of CUDA {versions}")
    assert CHECKED["entries"] > 0
