# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way to NVML, for detection, proof and metrics: ``pynvml`` where it is importable, else the library itself."""

from __future__ import annotations

import ctypes
from typing import Any, Callable, NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml_library import (
    FUNCTION_NOT_FOUND,
    NvmlLibrary,
    open_library,
)

_LIBRARY_NOT_FOUND = 12
# The sizes of NVML's process structure (the first version; the second and third).
_PROCESS_SIZES = (16, 24)


class Binding(NamedTuple):
    """``module`` is None where there is none, and ``reason`` says why."""

    module: Any
    reason: str = ""


class Answer(NamedTuple):
    value: Any
    # NVML's error number; None for a function that the binding lacks or cannot call.
    error: int | None


def load_binding() -> Binding:
    try:
        import pynvml  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - an optional import
    except Exception:
        # Whatever goes wrong in a foreign package: the library itself is there with every driver.
        return load_own_binding()
    return Binding(pynvml)


def load_own_binding() -> Binding:
    try:
        return Binding(open_library())
    except OSError as error:
        return Binding(None, str(error))


def ask(module: Any, function: str, *arguments: Any) -> Answer:
    try:
        return Answer(getattr(module, function)(*arguments), 0)
    except Exception as error:
        # An NVMLError has its number in ``value``; a binding of another age fails in ways of its own.
        number = getattr(error, "value", None)
        if type(error).__name__ == "NVMLLibraryMismatchError":
            # What pynvml says, without a number, where the library does not have the newest form.
            number = FUNCTION_NOT_FOUND
    if number == FUNCTION_NOT_FOUND and hasattr(module, "nvmlLib") and hasattr(NvmlLibrary, function):
        # pynvml asks for the newest form only; the library beneath it may have an older one.
        return ask(NvmlLibrary(module.nvmlLib), function, *arguments)
    return Answer(None, number if isinstance(number, int) else None)


def start(
    load: Callable[[], Binding] = load_binding, load_own: Callable[[], Binding] = load_own_binding
) -> tuple[Binding, Answer]:
    """NVML brought up, by the binding that can: a new pynvml asks an old driver for functions that it lacks."""
    binding = load()
    if binding.module is None:
        return binding, Answer(None, _LIBRARY_NOT_FOUND)
    answer = ask(binding.module, "nvmlInit")
    if answer.error not in (None, FUNCTION_NOT_FOUND, _LIBRARY_NOT_FOUND):
        return binding, answer
    own = load_own()
    started = ask(own.module, "nvmlInit") if own.module is not None else answer
    return (own, started) if started.error == 0 else (binding, answer)


def init_code(load: Callable[[], Binding] = load_binding) -> int | None:
    """What nvmlInit returns; None where there is no library to ask."""
    binding, answer = start(load)
    if answer.error == 0:
        ask(binding.module, "nvmlShutdown")
    return None if binding.module is None else answer.error


def running(module: Any, function: str, device: Any) -> list[Any] | None:
    """The processes of one kind; None where they cannot be listed."""
    # The unversioned name means the newest structure: an old driver does not have that function.
    for name in (function + "_v3", function + "_v2", function):
        if not _fills_known_structure(module, name):
            continue
        answer = ask(module, name, device)
        if answer.error == 0:
            return list(answer.value)
    return None


def _fills_known_structure(module: Any, function: str) -> bool:
    """nvidia-ml-py 12.535.77 has a structure of 32 bytes, and so reads garbage from the second process on."""
    for name in (f"c_nvmlProcessInfo_{function[-2:]}_t", "c_nvmlProcessInfo_t"):
        structure = getattr(module, name, None)
        if structure is not None:
            return ctypes.sizeof(structure) in _PROCESS_SIZES
    # A binding that keeps its structures to itself.
    return True
