# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An image built on the host: which base, which architectures, which options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from . import tables
from .compatibility import beyond_tables
from .driver_support import DEAD_END_REMEDY, ceiling, driver_knows_gpu, meets_toolkit_floor
from .host import HostGpu
from .verdict import DRIVER_TOO_OLD, IMPOSSIBLE, NO_CODE_FOR_GPU, Driver, Gpu, Verdict
from .versions import Version, cuda_minor, dotted, parse_version

REPOSITORY = "whisperops/whisper.cpp"
CPU_IMAGE = f"{REPOSITORY}:cpu"
CPU_BASE_IMAGE = "debian:trixie-slim"


@dataclass(frozen=True)
class LocalBuild:
    base: tables.BaseImage
    gpus: tuple[HostGpu, ...]
    driver: Driver

    @property
    def cuda(self) -> Version:
        return parse_version(self.base.cuda)

    @property
    def compute_capabilities(self) -> tuple[Version, ...]:
        return tuple(sorted({gpu.gpu.compute_capability for gpu in self.gpus}))

    @property
    def architectures(self) -> str:
        """For CMAKE_CUDA_ARCHITECTURES: SASS alone (-real), for exactly the chips that are here."""
        return ";".join(f"{major}{minor}-real" for major, minor in self.compute_capabilities)

    @property
    def image(self) -> str:
        return f"{REPOSITORY}:cuda{self.base.cuda}-" + "-".join(
            f"{major}{minor}" for major, minor in self.compute_capabilities
        )

    @property
    def newer_than_driver(self) -> bool:
        return self.driver.cuda is None or cuda_minor(self.cuda) > self.driver.cuda

    def options(self, cpu_variants: str) -> dict[str, str]:
        options = {
            "CMAKE_CUDA_ARCHITECTURES": self.architectures,
            "GGML_CUDA": "ON",
            "GGML_CUDA_NCCL": "OFF",
            **cpu_options(cpu_variants),
        }
        compresses = cuda_minor(self.cuda) >= tables.COMPRESSED_FOR_SIZE_FROM
        if compresses and self.newer_than_driver:
            options["GGML_CUDA_COMPRESSION_MODE"] = "none"
        return options


def cpu_options(variants: str) -> dict[str, str]:
    """All variants of ggml's CPU code, or the one of plain GGML_NATIVE=OFF, which on x86-64 is for AVX2."""
    options = {"CMAKE_BUILD_TYPE": "Release", "GGML_BACKEND_DL": "ON", "GGML_NATIVE": "OFF"}
    if variants == "all":
        options["GGML_CPU_ALL_VARIANTS"] = "ON"
    return options


def local_verdict(gpu: Gpu, driver: Driver) -> Verdict | None:
    """Why no local build can serve this GPU; None where one can."""
    ended = driver_knows_gpu(gpu, driver)
    if ended:
        return ended
    oldest = tables.WHISPER_FIRST_COMPUTE_CAPABILITY
    if gpu.compute_capability < oldest:
        last = gpu.architecture.last_branch if gpu.architecture else None
        dead_end = (
            f"driver branch {last} ({driver.text} here) is the last for this {gpu.architecture.name} GPU, and "
            if (gpu.architecture and driver.branch == last)
            else ""
        )
        return Verdict(
            IMPOSSIBLE,
            NO_CODE_FOR_GPU,
            f"{gpu} cannot be served: {dead_end}"
            f"whisper.cpp's CUDA code is made for compute capability {dotted(oldest)} and newer.",
            DEAD_END_REMEDY,
            cuda_error=209,
        )
    able = [base for base in tables.BASE_IMAGES if _compiles(base, gpu)]
    if not able:
        return Verdict(
            IMPOSSIBLE,
            NO_CODE_FOR_GPU,
            f"No published nvidia/cuda base image is known to compile for {gpu}.",
            "Use an image that was built for this GPU (`extra_images`).",
            cuda_error=209,
        )
    if any(_runs(base, gpu, driver) for base in able):
        return None
    floor = min(tables.MAJOR_FLOORS[parse_version(base.cuda)[0]] for base in able)
    return Verdict(
        IMPOSSIBLE,
        DRIVER_TOO_OLD,
        f"The oldest CUDA toolkit that can be used for {gpu} needs driver {floor} or newer; this host has {driver}.",
        f"Update the driver to ≥ {floor}{ceiling(gpu)}.",
        cuda_error=35,
    )


def _compiles(base: tables.BaseImage, gpu: Gpu) -> bool:
    return tables.toolkit_compiles_ggml(parse_version(base.cuda), gpu.compute_capability)


def _runs(base: tables.BaseImage, gpu: Gpu, driver: Driver) -> bool:
    tegra = gpu.architecture is not None and gpu.architecture.tegra
    return meets_toolkit_floor(driver, parse_version(base.cuda)[0], tegra)


def choose(
    gpus: tuple[HostGpu, ...], driver: Driver, usable: Callable[[tables.BaseImage], bool]
) -> tuple[LocalBuild | None, dict[HostGpu, Verdict]]:
    """The build that serves the most GPUs, and why the others are not served.

    Among builds that serve equally many: a toolkit that the driver's own CUDA version covers before one that leans on
    minor-version compatibility, then the newest.
    """
    verdicts = {gpu: local_verdict(gpu.gpu, driver) for gpu in gpus}
    able = tuple(gpu for gpu in gpus if verdicts[gpu] is None)
    refused = {gpu: verdict for gpu, verdict in verdicts.items() if verdict is not None}
    builds = []
    for age, base in enumerate(tables.BASE_IMAGES):
        served = tuple(gpu for gpu in able if _compiles(base, gpu.gpu) and _runs(base, gpu.gpu, driver))
        if served and usable(base):
            build = LocalBuild(base, served, driver)
            builds.append((-len(served), build.newer_than_driver, age, build))
    if not builds:
        return None, refused
    best = min(builds, key=lambda item: item[:3])[3]
    for gpu in able:
        if gpu not in best.gpus:
            refused[gpu] = Verdict(
                IMPOSSIBLE,
                NO_CODE_FOR_GPU,
                f"CUDA {best.base.cuda}, which serves most of this host's GPUs, cannot compile for {gpu.gpu}.",
                "Serve this GPU from another host, or name the others' UUIDs apart in `gpus`.",
            )
    return best, refused


def notes(build: LocalBuild) -> tuple[str, ...]:
    found = [note for gpu in build.gpus for note in beyond_tables(gpu.gpu, build.driver)]
    if any(gpu.gpu.architecture is not None and gpu.gpu.architecture.tegra for gpu in build.gpus):
        found.append("The nvidia/cuda base images for ARM are made for servers; on a Jetson they have not been tried.")
    return tuple(dict.fromkeys(found))
