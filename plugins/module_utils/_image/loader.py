# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which libcuda the dynamic loader of an image would find first."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from typing import Callable, Iterable, Iterator, Mapping, NamedTuple

from .budget import Budget
from .device_code import damage_problem
from .file_tree import printable
from .problems import DamagedFileError, Problem

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
# Of all files together. A distribution's are some hundred bytes.
LARGEST_CONFIGURATION = 256 * 1024
_SECONDS = 10.0
_LONGEST_PATTERN = 255
# What Linux lets a variable of a new process be (MAX_ARG_STRLEN).
_LONGEST_VARIABLE = 128 * 1024
_PATTERN_PART = re.compile(r"\[!?\]?[^\]]*\]|.", re.DOTALL)

Resolve = Callable[[str], str]


class Configured(NamedTuple):
    directory: str
    file: str


def is_configuration(path: str) -> bool:
    return path == CONFIGURATION or (path.startswith("/etc/ld.so.conf.d/") and path.endswith(".conf"))


def configured_directories(files: Mapping[str, str], budget: Budget | None = None) -> list[Configured]:
    """The directories of /etc/ld.so.conf in the order that ldconfig takes them.

    Each file is read once: a second time it names no directory that was not named before.
    """
    return list(_directories_of(CONFIGURATION, files, set(), budget or Budget(seconds=_SECONDS)))


def _directories_of(name: str, files: Mapping[str, str], read: set[str], budget: Budget) -> Iterator[Configured]:
    # One iterator for each file that is open, not one call in another: includes may be nested as deep as there are
    # files.
    pending = [_lines(name, files, read)]
    while pending:
        found = next(pending[-1], None)
        if found is None:
            pending.pop()
            continue
        budget.spend()
        file, line = found
        words = line.split()
        if not words or words[0] == "hwcap":
            continue
        if words[0] != "include":
            # A directory may end in =TYPE, a form of libc5 days that ldconfig still reads.
            yield Configured(line.split("=", 1)[0], file)
            continue
        included = [path for pattern in words[1:] for path in _included(file, pattern, files, budget)]
        pending += [_lines(path, files, read) for path in reversed(included)]


def _lines(name: str, files: Mapping[str, str], read: set[str]) -> Iterator[tuple[str, str]]:
    if name in read:
        return
    read.add(name)
    for raw in files.get(name, "").splitlines():
        yield name, raw.split("#", 1)[0].strip()


def _included(file: str, pattern: str, files: Mapping[str, str], budget: Budget) -> list[str]:
    parts = posixpath.join(posixpath.dirname(file), pattern).split("/")
    found = []
    for path in sorted(files):
        budget.spend()
        names = path.split("/")
        if len(names) == len(parts) and all(map(_matches, names, parts)):
            found.append(path)
    return found


def _matches(name: str, pattern: str) -> bool:
    """As fnmatch, whose time grows without bounds with the stars in a pattern on Python before 3.9."""
    if pattern == name:
        return True
    if len(pattern) > _LONGEST_PATTERN:
        return False
    parts = _PATTERN_PART.findall(pattern)
    at = part = 0
    star, resume = -1, 0
    while at < len(name):
        if part < len(parts) and parts[part] == "*":
            star, resume = part, at
            part += 1
        elif part < len(parts) and fnmatch.fnmatchcase(name[at], parts[part]):
            at, part = at + 1, part + 1
        elif star >= 0:
            # The last star takes one more character.
            resume += 1
            at, part = resume, star + 1
        else:
            return False
    return all(rest == "*" for rest in parts[part:])


def _split(library_path: str) -> list[str]:
    return library_path[:_LONGEST_VARIABLE].split(":")


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
    baked_in = sorted(printable(directory) for directory in holding & driver)
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
    named = [Configured(directory, "LD_LIBRARY_PATH") for directory in _split(library_path) if directory]
    place = _first(named, holding, driver, resolve)
    cure = 'Run it with LD_LIBRARY_PATH="" (or without that directory).'
    if place is None:
        try:
            place = _first(configured_directories(configuration), holding, driver, resolve)
        except DamagedFileError as damage:
            problems.append(damage_problem(CONFIGURATION, damage))
        if place is not None:
            cure = f"Build the image without {printable(place.file)}, or mount an empty file over it."
    if place is not None:
        file, directory = printable(place.file), printable(place.directory)
        problems.append(
            Problem(
                "compat_library_shadows_driver",
                f"{file} puts {directory} first, and that holds a libcuda of the image: "
                "the host's own is never found. On GeForce GPUs CUDA then fails (error 804), or the program falls "
                "back to the CPU in silence while nvidia-smi works.",
                cure,
            )
        )
    return problems
