# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does this device code run on this GPU under this driver, and if not, why not?

The order of the questions: does the driver branch (still) know the chip → is the driver at the floor of the toolkit's
major version → is there SASS for the chip → is there PTX that the driver can compile.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda import tables
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.target import Target
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import Version

from .driver_support import ceiling, driver_knows_gpu, meets_toolkit_floor
from .verdict import (
    DRIVER_TOO_OLD,
    IMPOSSIBLE,
    JIT,
    NATIVE,
    NO_CODE_FOR_GPU,
    PTX_TOO_NEW,
    SAME_MAJOR,
    Driver,
    Gpu,
    Verdict,
)


@dataclass(frozen=True)
class DeviceCode:
    """What a binary carries; ``cuda`` is its toolkit."""

    sass: tuple[Target, ...] = ()
    ptx: tuple[tuple[Target, Version | None], ...] = ()
    cuda: Version | None = None

    def __str__(self) -> str:
        parts = []
        if self.sass:
            parts.append("SASS for " + ", ".join(str(target) for target in self.sass))
        if self.ptx:
            parts.append("PTX for " + ", ".join(str(target) for target, _isa in self.ptx))
        return " and ".join(parts) or "no device code"

    @property
    def toolkit_major(self) -> int | None:
        """Where the toolkit is not named, the PTX it wrote tells its major version."""
        if self.cuda:
            return self.cuda[0]
        written = [isa for _target, isa in self.ptx if isa]
        return tables.cuda_major_of_isa(max(written)) if written else None

    @property
    def toolkit(self) -> str:
        return f"CUDA {self.cuda}" if self.cuda else f"CUDA {self.toolkit_major}"


def sass_match(target: Target, compute_capability: Version) -> str | None:
    """How SASS for this target runs on this chip: native, same_major or not at all."""
    built_for = target.compute_capability
    if built_for == compute_capability:
        return NATIVE
    if target.suffix == "a":
        return None
    if target.suffix == "f":
        return SAME_MAJOR if compute_capability in tables.FAMILIES.get(built_for, ()) else None
    if built_for[0] != compute_capability[0] or built_for > compute_capability:
        return None
    if _is_tegra(built_for) or _is_tegra(compute_capability):
        return None
    return SAME_MAJOR


def ptx_match(target: Target, compute_capability: Version) -> bool:
    """Whether the driver may compile PTX of this target for this chip (whether it can read it is another question)."""
    if target.suffix == "a":
        return target.compute_capability == compute_capability
    if target.suffix == "f":
        return compute_capability in tables.FAMILIES.get(target.compute_capability, ())
    return target.compute_capability <= compute_capability


def _is_tegra(compute_capability: Version) -> bool:
    architecture = tables.ARCHITECTURES.get(compute_capability)
    return architecture is not None and architecture.tegra


def assess(gpu: Gpu, driver: Driver, code: DeviceCode) -> Verdict:
    """The verdict for one GPU."""
    notes = beyond_tables(gpu, driver, code)
    ended = driver_knows_gpu(gpu, driver) or _toolkit_verdict(gpu, driver, code)
    verdict = ended or _sass_verdict(gpu, driver, code) or _ptx_verdict(gpu, driver, code)
    if not notes:
        return verdict
    return Verdict(
        verdict.verdict, verdict.code, verdict.sentence, verdict.remedy, verdict.cuda_error, beyond_tables=notes
    )


def _toolkit_verdict(gpu: Gpu, driver: Driver, code: DeviceCode) -> Verdict | None:
    major = code.toolkit_major
    tegra = gpu.architecture is not None and gpu.architecture.tegra
    if major is None or meets_toolkit_floor(driver, major, tegra):
        return None
    floor = tables.MAJOR_FLOORS.get(major)
    needs = f"driver {floor}" if floor and not tegra else f"a driver that reports CUDA {major}.0"
    remedy = (
        f"Update the driver to ≥ {floor}{ceiling(gpu)}."
        if floor and not tegra
        else f"Update to a driver for CUDA {major}."
    )
    last = gpu.architecture.last_branch if gpu.architecture else None
    if floor and last is not None and Version.parse(floor)[0] > last:
        remedy = f"No driver for {code.toolkit} supports {gpu}; use an image built with an older CUDA toolkit."
    return Verdict(
        IMPOSSIBLE,
        DRIVER_TOO_OLD,
        f"{code.toolkit} needs {needs} or newer; {gpu} has {driver}.",
        remedy,
        cuda_error=35,
    )


def _sass_verdict(gpu: Gpu, driver: Driver, code: DeviceCode) -> Verdict | None:
    matches = [(target, sass_match(target, gpu.compute_capability)) for target in code.sass]
    native = [target for target, match in matches if match == NATIVE]
    if native:
        return Verdict(
            NATIVE,
            NATIVE,
            f"Its SASS for {native[0]}, built with {code.toolkit}, runs on {gpu} as it is, under {driver}.",
        )
    near = [target for target, match in matches if match == SAME_MAJOR]
    if near:
        best = max(near)
        family = "same family" if best.suffix == "f" else f"same major version, {gpu.compute_capability[0]}"
        return Verdict(
            SAME_MAJOR,
            SAME_MAJOR,
            f"Its SASS for {best}, built with {code.toolkit}, runs on {gpu} ({family}), under {driver}.",
        )
    return None


def _ptx_verdict(gpu: Gpu, driver: Driver, code: DeviceCode) -> Verdict:
    usable = [(target, _isa(isa, code)) for target, isa in code.ptx if ptx_match(target, gpu.compute_capability)]
    newest_known = tables.ptx_isa(driver.cuda) if driver.cuda else None
    readable = [(t, isa) for t, isa in usable if isa is None or newest_known is None or isa <= newest_known]
    if readable:
        target, isa = max(readable, key=lambda item: (item[0], item[1] or ()))
        return Verdict(
            JIT,
            JIT,
            f"It carries no SASS for {gpu}; {driver} can compile its PTX for {target}{_isa_text(isa)}, which makes the "
            "first start slow, and every start unless what it compiled (CUDA_CACHE_PATH) is kept.",
        )
    if usable and newest_known is not None:
        target, isa = max(usable, key=lambda item: item[0])
        return Verdict(
            IMPOSSIBLE,
            PTX_TOO_NEW,
            f"It carries no SASS for {gpu}, and its PTX for {target}{_isa_text(isa)} is too new for {driver}, "
            f"which reads PTX up to ISA {newest_known}.",
            f"Update the driver to one for CUDA {_cuda_text(isa, code)}, or use an image with SASS for "
            f"{gpu.compute_capability}.",
            cuda_error=222,
        )
    return Verdict(
        IMPOSSIBLE,
        NO_CODE_FOR_GPU,
        f"It carries {code}, none of which runs on {gpu}.",
        f"Use an image with SASS for {gpu.compute_capability}.",
        cuda_error=209,
    )


def _isa(isa: Version | None, code: DeviceCode) -> Version | None:
    return isa or (tables.ptx_isa(code.cuda.minor) if code.cuda else None)


def _isa_text(isa: Version | None) -> str:
    return f" (ISA {isa})" if isa else " (ISA unknown)"


def _cuda_text(isa: Version | None, code: DeviceCode) -> str:
    if code.cuda:
        return str(code.cuda.minor)
    return f"{tables.cuda_major_of_isa(isa)}" if isa else "its version"


def beyond_tables(gpu: Gpu, driver: Driver, code: DeviceCode | None = None) -> tuple[str, ...]:
    """What this answer takes on trust because it is newer than anything the tables hold."""
    notes = []
    if gpu.architecture is None:
        notes.append(
            f"Compute capability {gpu.compute_capability} ({gpu.name}) is not in the tables; "
            "the general rules were applied to it."
        )
    tegra = gpu.architecture is not None and gpu.architecture.tegra
    if driver.branch is not None and driver.branch > tables.NEWEST_BRANCH and not tegra:
        notes.append(
            f"Driver branch {driver.branch} is newer than the tables, which end at {tables.NEWEST_BRANCH}; "
            f"it is taken to support what {tables.NEWEST_BRANCH} supports."
        )
    toolkit = code.cuda if code else None
    if toolkit and toolkit.minor > tables.NEWEST_CUDA:
        notes.append(
            f"CUDA {toolkit} is newer than the tables, which end at {tables.NEWEST_CUDA}; "
            "the rules of older versions were applied to it."
        )
    return tuple(notes)
