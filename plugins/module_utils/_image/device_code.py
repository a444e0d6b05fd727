# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one library carries for which GPU."""

from __future__ import annotations

import re
from typing import Any, Iterable, NamedTuple, Tuple

from . import elf, fatbin
from .budget import Budget
from .problems import DamagedFileError, Problem
from .reader import Reader

Ptx = Tuple[str, str]
"""Architecture and ISA version."""


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))


def architecture_order(architecture: str) -> tuple[tuple[int, ...], str]:
    return _numbers(architecture), architecture


def ptx_order(ptx: Ptx) -> tuple[tuple[tuple[int, ...], str], tuple[int, ...]]:
    return architecture_order(ptx[0]), _numbers(ptx[1])


def in_order(architectures: Iterable[str]) -> list[str]:
    return sorted(architectures, key=architecture_order)


def ptx_as_dicts(ptx: Iterable[Ptx]) -> list[dict[str, str]]:
    return [{"arch": architecture, "isa": isa} for architecture, isa in sorted(ptx, key=ptx_order)]


def in_every(sets: Iterable[Iterable[str]]) -> set[str]:
    """The intersection; of no sets, nothing."""
    common: set[str] | None = None
    for members in sets:
        common = set(members) if common is None else common & set(members)
    return common or set()


def newest_isa(ptx: Iterable[Ptx], architectures: set[str]) -> set[Ptx]:
    """One pair for each architecture, with the ISA that the driver must know to run all of it."""
    newest: dict[str, str] = {}
    for architecture, isa in ptx:
        if architecture in architectures and _numbers(isa) > _numbers(newest.get(architecture, "")):
            newest[architecture] = isa
    return set(newest.items())


class DeviceCode(NamedTuple):
    containers: tuple[fatbin.Container, ...]
    relocatable: bool
    """Never linked for the GPU: as it is, no process can run it."""
    damage: DamagedFileError | None
    """Where reading had to stop."""

    def entries(self) -> list[fatbin.Entry]:
        return [entry for container in self.containers for entry in container.entries]

    @property
    def sass(self) -> set[str]:
        return {entry.architecture for entry in self.entries() if entry.kind == fatbin.SASS}

    @property
    def lto(self) -> set[str]:
        return {entry.architecture for entry in self.entries() if entry.kind == fatbin.LTO_IR}

    @property
    def ptx(self) -> set[Ptx]:
        return {(entry.architecture, entry.isa or "") for entry in self.entries() if entry.kind == fatbin.PTX}

    @property
    def with_kernels(self) -> list[fatbin.Container]:
        return [container for container in self.containers if not container.is_stub]

    def _complete(self, kind: int) -> set[str]:
        if self.damage:
            # The containers that could not be read may lack any of them.
            return set()
        return in_every(
            {entry.architecture for entry in container.entries if entry.kind == kind} for container in self.with_kernels
        )

    @property
    def complete_sass(self) -> set[str]:
        return self._complete(fatbin.SASS)

    @property
    def complete_ptx(self) -> set[Ptx]:
        return newest_isa(self.ptx, self._complete(fatbin.PTX))


def _collect(
    reader: Reader, sections: Iterable[elf.Section], budget: Budget
) -> tuple[list[fatbin.Container], DamagedFileError | None]:
    found: list[fatbin.Container] = []
    try:
        for section in sections:
            for container in fatbin.containers(reader, section.offset, section.size, budget):
                found.append(container)
    except DamagedFileError as damage:
        return found, damage
    return found, None


def read_device_code(reader: Reader, budget: Budget | None = None) -> DeviceCode | None:
    """None for a file without any; damage is part of the answer, never an exception."""
    budget = budget or Budget()
    try:
        sections = elf.device_code_sections(reader, budget)
    except DamagedFileError as damage:
        return DeviceCode((), False, damage)
    # Code in the relocatable section is what the device linker took from; only what it made is ever loaded.
    # (PTX is dropped on that way, so adding the two up would promise code that nothing runs.)
    found, damaged = _collect(reader, sections.linked, budget)
    if found or damaged:
        return DeviceCode(tuple(found), False, damaged)
    found, damaged = _collect(reader, sections.relocatable, budget)
    if found or damaged:
        return DeviceCode(tuple(found), True, damaged)
    return None


_DAMAGE_REMEDIES: dict[str, str] = {
    "truncated": "Copy, pull or build the file again: its end is missing.",
    "corrupt_elf": "Copy, pull or build the file again: its ELF headers contradict themselves.",
    "corrupt_fatbin": "Copy, pull or build the file again: its device code is damaged, and what was read before "
    "the damage may not be all.",
    "unreadable": "Read it as root, or look for a failing disk.",
    "inspection_limit": "Look where the file comes from: no compiler makes one that takes so long to read. What was "
    "read until then may not be all.",
}


def damage_problem(path: str, damage: DamagedFileError) -> Problem:
    return Problem(damage.code, f"{path}: {damage.seen}", _DAMAGE_REMEDIES[damage.code])


def library_problems(path: str, code: DeviceCode) -> list[Problem]:
    if code.damage:
        return [damage_problem(path, code.damage)]
    if not code.with_kernels:
        return [
            Problem(
                "no_device_code",
                f"{path}: device code without a single kernel (containers: {len(code.containers)}, "
                "all of them stubs such as the link step adds)",
                "Nothing of it runs on a GPU. Build it from its CUDA sources.",
            )
        ]
    if not code.sass and not code.ptx:
        architectures = ", ".join(in_order(code.lto))
        return [
            Problem(
                "lto_only",
                f"{path}: only intermediate code for link-time optimization (LTO), for {architectures or 'nothing'}",
                "Link it for the GPU (nvcc -dlto): no driver runs LTO code as it is.",
            )
        ]
    if code.relocatable:
        return [
            Problem(
                "device_code_not_linked",
                f"{path}: only relocatable device code",
                "Run the device link step (nvcc -dlink, or CUDA_RESOLVE_DEVICE_SYMBOLS in CMake): "
                "as it is, no process can run it.",
            )
        ]
    return []


# NVIDIA's redistributable libraries carry code for far more GPUs than the programs that use them.
_FROM_NVIDIA = re.compile(
    r"^lib(cublas(Lt)?|cudart|cufft(w|Mp)?|curand|cusolver(Mg|Mp)?|cusparse(Lt)?|cudnn\w*|cufile\w*|cupti\w*|cutensor\w*"
    r"|cuda|cudadebugger|nccl|npp\w*|nvjpeg\w*|nvrtc\w*|nvJitLink|nvblas|nvinfer\w*|nvonnxparser|nvidia-\S+)\.so"
)


def is_from_nvidia(path: str) -> bool:
    return _FROM_NVIDIA.match(path.rsplit("/", 1)[-1]) is not None


def library_as_dict(path: str, size: int, code: DeviceCode) -> dict[str, Any]:
    return {
        "path": path,
        "size_bytes": size,
        "sass": in_order(code.sass),
        "ptx": ptx_as_dicts(code.ptx),
        "lto": in_order(code.lto),
        "containers": len(code.containers),
        "stub_containers": len(code.containers) - len(code.with_kernels),
        "complete": in_order(code.complete_sass),
        "complete_ptx": ptx_as_dicts(code.complete_ptx),
        "relocatable": code.relocatable,
        "from_nvidia": is_from_nvidia(path),
    }
