# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which libcuda the dynamic loader of an image would find first."""

from __future__ import annotations

import fnmatch
import posixpath
from typing import Callable, Iterable, Iterator, Mapping, NamedTuple

from .problems import Problem

# Where the NVIDIA Container Toolkit mounts the host's driver libraries, by distribution and platform.
_DRIVER_DIRECTORIES = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/lib64",
    "/usr/lib",
    "/lib",
)
CONFIGURATION = "/etc/ld.so.conf"
# A file that includes itself must end, and soon: two files that include each other twice double at each step.
_DEEPEST_INCLUDE = 4

Resolve = Callable[[str], str]


class Configured(NamedTuple):
    directory: str
    file: str


def is_configuration(path: str) -> bool:
    return path == CONFIGURATION or (path.startswith("/etc/ld.so.conf.d/") and path.endswith(".conf"))


def configured_directories(files: Mapping[str, str]) -> list[Configured]:
    """The directories of /etc/ld.so.conf in the order that ldconfig takes them."""
    return list(_directories_of(CONFIGURATION, files, _DEEPEST_INCLUDE))


def _directories_of(name: str, files: Mapping[str, str], depth: int) -> Iterator[Configured]:
    for raw in files.get(name, "").splitlines():
        line = raw.split("#", 1)[0].strip()
        words = line.split()
        if not words or words[0] == "hwcap":
            continue
        if words[0] != "include":
            # A directory may end in =TYPE, a form of libc5 days that ldconfig still reads.
            yield Configured(line.split("=", 1)[0], name)
        elif depth:
            for pattern in words[1:]:
                absolute = posixpath.join(posixpath.dirname(name), pattern)
                for included in sorted(path for path in files if fnmatch.fnmatchcase(path, absolute)):
                    yield from _directories_of(included, files, depth - 1)


def _first(places: Iterable[Configured], holding: set[str], driver: set[str], resolve: Resolve) -> Configured | None:
    """The first place that holds a libcuda of the image, unless the driver's own directory comes before it."""
    for place in places:
        directory = resolve(place.directory)
        if directory in holding:
            return place
        if directory in driver:
            return None
    return None


def compat_problems(
    libraries: Iterable[str], library_path: str, configuration: Mapping[str, str], resolve: Resolve
) -> list[Problem]:
    """What is wrong with the libcuda files that an image brings along."""
    driver = {resolve(directory) for directory in _DRIVER_DIRECTORIES}
    # The loader asks for libcuda.so.1; a bare libcuda.so is for linking only.
    holding = {resolve(posixpath.dirname(path)) for path in libraries if not path.endswith(".so")}
    baked_in = sorted(holding & driver)
    problems = []
    if baked_in:
        problems.append(
            Problem(
                "driver_library_in_image",
                f"The image has a libcuda of its own in {baked_in[0]}, where the host's driver library is mounted.",
                "Build the image without a driver package: the host's libcuda must be the only one in that directory.",
            )
        )
    holding -= driver
    named = [Configured(directory, "LD_LIBRARY_PATH") for directory in library_path.split(":") if directory]
    place = _first(named, holding, driver, resolve)
    cure = 'Run it with LD_LIBRARY_PATH="" (or without that directory).'
    if place is None:
        place = _first(configured_directories(configuration), holding, driver, resolve)
        if place is not None:
            cure = f"Build the image without {place.file}, or mount an empty file over it."
    if place is not None:
        problems.append(
            Problem(
                "compat_library_shadows_driver",
                f"{place.file} puts {place.directory} first, and that holds a libcuda of the image: "
                "the host's own is never found. On GeForce cards CUDA then fails (error 804), or the program falls "
                "back to the CPU in silence while nvidia-smi works.",
                cure,
            )
        )
    return problems
