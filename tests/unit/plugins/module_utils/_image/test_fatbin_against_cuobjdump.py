"""The whole matrix built with the toolkits that are here, and each file held against their cuobjdump."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._image import device_code, fatbin
from ansible_collections.whisperops.gpu.plugins.module_utils._image.file_tree import open_on_host

sys.path.insert(0, str(Path(__file__).parent))
from fatbin_fixtures import load_build_matrix  # beside this file

MATRIX = load_build_matrix()


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
    nvccs = given("WHISPEROPS_NVCC") or [_beside_python_packages("nvcc") or shutil.which("nvcc") or ""]
    for index, nvcc in enumerate(filter(None, nvccs)):
        dumps = given("WHISPEROPS_CUOBJDUMP")
        beside = str(Path(nvcc).with_name("cuobjdump"))
        dump = dumps[index] if index < len(dumps) else shutil.which(beside) or shutil.which("cuobjdump")
        if dump:
            found.append(MATRIX.Toolkit(nvcc, dump, compilers[index] if index < len(compilers) else None))
    return found


TOOLKITS = toolkits()
NONE_HERE = (
    "no nvcc with a cuobjdump: set WHISPEROPS_NVCC and WHISPEROPS_CUOBJDUMP, or install tests/requirements-cuda.txt"
)


def cases() -> list[Any]:
    if not TOOLKITS:
        return [pytest.param(None, None, marks=pytest.mark.skip(reason=NONE_HERE), id="no-toolkit")]
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


@pytest.mark.parametrize(("toolkit", "case"), cases())
def test_what_is_read_is_what_cuobjdump_says_before_and_after_strip(toolkit: Any, case: Any, tmp_path: Path) -> None:
    file = MATRIX.build(toolkit, case, tmp_path)
    agree(toolkit, file)
    MATRIX.strip(file)
    agree(toolkit, file)


@pytest.mark.parametrize("toolkit", TOOLKITS or [pytest.param(None, marks=pytest.mark.skip(reason=NONE_HERE))])
def test_what_nvcc_links_from_host_code_alone_has_none(toolkit: Any, tmp_path: Path) -> None:
    source = tmp_path / "host.cpp"
    source.write_text("int answer() { return 42; }\n")
    toolkit.compile("-shared", "-cudart", "none", "-o", tmp_path / "host.so", source)
    assert not MATRIX.parse_description(toolkit.describe(tmp_path / "host.so")).sass
    with open_on_host(str(tmp_path / "host.so")) as reader:
        assert device_code.read_device_code(reader) is None
