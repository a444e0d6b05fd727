"""The tables and the PTX rules, held against NVIDIA's own compilers.

WHISPEROPS_NVCC names them, joined by ``:``, as nvcc or as ptxas; `make unit-cuda` fetches some, or one of each toolkit
that PyPI has. Where the variable is set they were asked for: a tool that is missing then fails.

ptxas refuses what a driver would refuse: a target it does not know, a PTX ISA that is too new, PTX for another family.
nvlink refuses to link SASS for a chip that it does not run on; only the rule that Tegra and desktop parts do not share
SASS is not known to it.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda import tables
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.target import Target
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import Version
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.compatibility import DeviceCode, assess
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.verdict import Driver, Gpu

ASKED_FOR = "WHISPEROPS_NVCC" in os.environ
TOOLS = [Path(name) for name in os.environ.get("WHISPEROPS_NVCC", "").split(os.pathsep) if name]
WITHOUT_TOOLS = "WHISPEROPS_NVCC names no nvcc or ptxas; `make unit-cuda` fetches them"
CHECKED: Counter[str] = Counter()


def beside(tool: Path, name: str) -> Path:
    """In the same folder, or where Debian has it: nvcc is in /usr/lib/nvidia-cuda-toolkit/bin, the rest in /usr/bin."""
    debian = tool.parents[3] / "bin" / name
    return debian if tool.parts[-4:-1] == ("lib", "nvidia-cuda-toolkit", "bin") else tool.with_name(name)


class Toolkit:
    def __init__(self, tool: Path, scratch: Path) -> None:
        self.nvcc = tool if tool.name == "nvcc" else None
        # The wheels have bin and include side by side under a directory of their package.
        self.headers = sorted(tool.parents[2].glob("*/include/cuda_device_runtime_api.h"))
        self.ptxas = beside(tool, "ptxas")
        nvlink = beside(tool, "nvlink")
        self.nvlink = nvlink if nvlink.exists() else None
        self.scratch = scratch
        text = subprocess.run([self.ptxas, "--version"], capture_output=True, text=True, check=True).stdout
        found = re.search(r"release ([0-9.]+),", text)
        assert found, text
        self.cuda = Version.parse(found.group(1))

    def assembles(self, ptx_target: str, chip: str, isa: str) -> bool:
        """Whether ptxas makes SASS for the chip out of an empty kernel in PTX of this target and ISA."""
        source = self.scratch / f"{ptx_target}-{chip}-{isa}.ptx"
        source.write_text(f".version {isa}\n.target sm_{ptx_target}\n.address_size 64\n.visible .entry k(){{ ret; }}\n")
        return runs(self.ptxas, "-c", "-arch", f"sm_{chip}", source, "-o", self.sass(chip))

    def sass(self, target: str) -> Path:
        return self.scratch / f"{target}.o"

    def links(self, target: str, chip: str) -> bool:
        """Whether nvlink takes SASS of this target, which was assembled before, for the chip."""
        return runs(
            self.nvlink, f"-arch=sm_{chip}", self.sass(target), "-o", self.scratch / f"{target}-on-{chip}.cubin"
        )


def without_tools() -> NoReturn:
    (pytest.fail if ASKED_FOR else pytest.skip)(WITHOUT_TOOLS)


def runs(*command: object) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture(
    scope="module", params=TOOLS or [None], ids=lambda tool: str(tool).partition("/nvidia/")[0].split("/")[-1]
)
def toolkit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Toolkit:
    if request.param is None:
        without_tools()
    return Toolkit(request.param, tmp_path_factory.mktemp("ptx"))


def every_target() -> list[Target]:
    return [Target(*capability, suffix) for capability in tables.ARCHITECTURES for suffix in ("", "a", "f")]


def compilable(toolkit: Toolkit) -> list[Target]:
    """The targets that the toolkit itself takes, in their a and f forms too."""
    isa = str(tables.ptx_isa(toolkit.cuda))
    return [target for target in every_target() if toolkit.assembles(str(target), str(target), isa)]


def all_features_of(chip: Target, known: list[Target]) -> Target:
    """A chip has all its own features, which the tools call its a form."""
    return next(form for form in (Target(*chip[:2], "a"), chip) if form in known)


def together(check, cases):
    with ThreadPoolExecutor(2) as pool:
        return [case for case, right in zip(cases, pool.map(lambda case: check(*case), cases)) if not right]


def test_a_toolkit_compiles_for_exactly_the_chips_of_the_tables(toolkit: Toolkit) -> None:
    isa = str(tables.ptx_isa(toolkit.cuda))

    def right(chip: Target) -> bool:
        compiles = tables.toolkit_compiles(toolkit.cuda, chip.compute_capability)
        return toolkit.assembles(str(chip), str(chip), isa) == compiles

    cases = [(target,) for target in every_target() if not target.suffix]
    wrong = together(right, cases)
    CHECKED["chips a toolkit compiles for"] += len(cases)
    assert not wrong, f"CUDA {toolkit.cuda}: {[str(target) for (target,) in wrong]}"


def test_nvcc_lists_exactly_the_chips_of_the_tables(toolkit: Toolkit) -> None:
    if toolkit.nvcc is None:
        pytest.skip(f"PyPI has no nvcc of CUDA {toolkit.cuda}, only its ptxas")
    run = subprocess.run([toolkit.nvcc, "--list-gpu-code"], capture_output=True, text=True, check=True)
    expected = {f"sm_{Target(*c)}" for c in tables.ARCHITECTURES if tables.toolkit_compiles(toolkit.cuda, c)}
    CHECKED["chips that nvcc lists"] += len(expected)
    assert set(run.stdout.split()) == expected


def test_nvcc_writes_the_ptx_isa_of_the_tables(toolkit: Toolkit) -> None:
    if toolkit.nvcc is None:
        pytest.skip(f"PyPI has no nvcc of CUDA {toolkit.cuda}, only its ptxas")
    source, ptx = toolkit.scratch / "kernel.cu", toolkit.scratch / "kernel.ptx"
    source.write_text("__global__ void k() {}\n")
    command = [toolkit.nvcc, "-ptx", "-arch=compute_75", source, "-o", ptx]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    CHECKED["PTX ISA that nvcc writes"] += 1
    assert f".version {tables.ptx_isa(toolkit.cuda)}\n" in ptx.read_text()


def test_ggml_compiles_for_hopper_from_the_toolkit_on_whose_headers_have_its_calls(toolkit: Toolkit) -> None:
    if not toolkit.headers:
        pytest.skip(f"CUDA {toolkit.cuda} is here without its headers")
    text = "".join(header.read_text(encoding="utf-8") for header in toolkit.headers)
    calls = ("cudaGridDependencySynchronize(", "cudaTriggerProgrammaticLaunchCompletion(")
    declared = all(re.search(rf"__device__ .*{re.escape(call)}void", text) for call in calls)
    CHECKED["headers with the calls of ggml"] += 1
    known = tables.toolkit_compiles(toolkit.cuda, (9, 0))
    assert tables.toolkit_compiles_ggml(toolkit.cuda, (9, 0)) == (known and declared)
    # They are called from 9.0 on alone.
    assert tables.toolkit_compiles_ggml(toolkit.cuda, (8, 6))


def test_a_toolkit_reads_ptx_up_to_its_own_isa_and_no_further(toolkit: Toolkit) -> None:
    major, minor = tables.ptx_isa(toolkit.cuda)
    CHECKED["PTX ISA that a toolkit reads"] += 2
    assert toolkit.assembles("75", "75", f"{major}.{minor}")
    assert not toolkit.assembles("75", "75", f"{major}.{minor + 1}")


def test_ptx_runs_on_exactly_the_chips_of_the_verdict(toolkit: Toolkit) -> None:
    """A driver of the toolkit's version compiles PTX by the same rules as the toolkit's ptxas."""
    isa = tables.ptx_isa(toolkit.cuda)
    driver = Driver(None, None, toolkit.cuda)

    def right(target: Target, chip: Target) -> bool:
        gpu = Gpu("a GPU", chip)
        verdict = assess(gpu, driver, DeviceCode(ptx=((target, isa),), cuda=toolkit.cuda))
        return toolkit.assembles(str(target), str(all_features_of(chip, known)), str(isa)) == verdict.runs

    known = compilable(toolkit)
    cases = [(target, chip) for target in known for chip in known if not chip.suffix]
    wrong = together(right, cases)
    CHECKED["verdicts on PTX for a chip"] += len(cases)
    assert not wrong, f"CUDA {toolkit.cuda}: {[(str(target), str(chip)) for target, chip in wrong]}"


def test_sass_runs_on_exactly_the_chips_that_nvlink_links_it_for(toolkit: Toolkit) -> None:
    if toolkit.nvlink is None:
        assert toolkit.nvcc is None, f"{toolkit.nvcc} is without its nvlink"
        pytest.skip(f"PyPI has no nvlink of CUDA {toolkit.cuda}")
    if toolkit.cuda < (12, 0):
        pytest.skip(f"nvlink of CUDA {toolkit.cuda} links any SASS for any chip")
    driver = Driver(None, None, toolkit.cuda)
    known = [target for target in compilable(toolkit) if not tables.ARCHITECTURES[target[:2]].tegra]
    assert known

    def right(target: Target, chip: Target) -> bool:
        verdict = assess(Gpu("a GPU", chip), driver, DeviceCode(sass=(target,), cuda=toolkit.cuda))
        return toolkit.links(str(target), str(all_features_of(chip, known))) == verdict.runs

    cases = [(target, chip) for target in known for chip in known if not chip.suffix]
    wrong = together(right, cases)
    CHECKED["verdicts on SASS for a chip"] += len(cases)
    assert not wrong, f"CUDA {toolkit.cuda}: {[(str(target), str(chip)) for target, chip in wrong]}"


def test_the_number_of_checked_cases_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    if not CHECKED:
        without_tools()
    with capsys.disabled():
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(CHECKED.items()))
        print(f"\n{sum(CHECKED.values())} cases checked against {len(TOOLS)} of NVIDIA's compilers: {kinds}")
    assert CHECKED["verdicts on PTX for a chip"] > 0
