# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands between a working driver and a container: the NVIDIA Container Toolkit, a compat libcuda."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import Version, driver_version_in
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import problems
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Gpu
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Runner, Which

_TOOLKIT_VERSION = re.compile(r"\bversion\s+v?(\d{1,4}\.\d{1,4}\.\d{1,4}[\w.~-]*)", re.ASCII)
_LIBCUDA = re.compile(r"^\s*libcuda\.so\.1\s.*=>\s*(\S+)", re.MULTILINE)
# The cards NVIDIA's forward compatibility never works on.
_CONSUMER_CARD = re.compile(r"GeForce|TITAN", re.IGNORECASE)


class CompatLibrary(NamedTuple):
    path: str
    version: str | None


def toolkit_version(text: str) -> str | None:
    """From ``nvidia-ctk --version``."""
    found = _TOOLKIT_VERSION.search(text)
    return found.group(1) if found else None


def toolkit_problems(which: Which, runner: Runner) -> list[Problem]:
    binary = which("nvidia-ctk")
    if binary is None:
        return [problems.toolkit_missing()]
    version = toolkit_version(runner([binary, "--version"]).out)
    # A build without a version ("unknown version") is not judged.
    if version and Version.leading(version) < Version.leading(problems.TOOLKIT_SECURITY_FLOOR):
        return [problems.toolkit_vulnerable(version)]
    return []


def first_libcuda(which: Which, runner: Runner) -> str | None:
    """The libcuda.so.1 that the loader's cache names first."""
    ldconfig = which("ldconfig")
    found = _LIBCUDA.search(runner([ldconfig, "-p"]).out) if ldconfig else None
    return found.group(1) if found else None


def compat_library(path: str) -> CompatLibrary | None:
    if "compat" not in path.split("/"):
        return None
    return CompatLibrary(path, driver_version_in(os.path.realpath(path).rpartition(".so.")[2]))


def compat_problems(library: CompatLibrary, kernel_module: str | None, gpus: list[Gpu]) -> list[Problem]:
    """On data-centre GPUs a newer compat library is meant to be there."""
    consumer = any(_CONSUMER_CARD.search(gpu.name or "") for gpu in gpus)
    older = bool(library.version and kernel_module) and (
        Version.leading(library.version or "") < Version.leading(kernel_module or "")
    )
    if consumer or older:
        return [problems.compat_library_shadows_driver(library.path, library.version, kernel_module)]
    return []
