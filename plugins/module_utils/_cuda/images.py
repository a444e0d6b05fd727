# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Catalogue entries and what ``cuda_image_info`` measured, read into one form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from .compatibility import DeviceCode
from .policy import PlanInputError, refuse
from .versions import Target, Version, cuda_minor, parse_target, parse_version

RUNTIMES = ("cuda", "cpu")
KEYS = (
    "name",
    "image",
    "runtime",
    "cuda_version",
    "sass",
    "ptx",
    "known_problems",
    "platforms",
    "since",
    "until",
    "source",
    "whisper_version",
)
PLATFORMS = ("linux/amd64", "linux/arm64")


@dataclass(frozen=True)
class KnownProblem:
    message: str
    environment: tuple[tuple[str, str], ...] = ()
    rejects: bool = False


@dataclass(frozen=True)
class Image:
    name: str
    reference: str
    runtime: str
    cuda_version: str | None
    code: DeviceCode
    known_problems: tuple[KnownProblem, ...]
    platforms: tuple[str, ...]
    measured: bool = False
    problems: tuple[str, ...] = ()  # what the measurement found
    whisper_version: str | None = None


def read_catalogue(entries: Any, where: str = "catalogue") -> tuple[Image, ...]:
    if not isinstance(entries, (list, tuple)):
        raise refuse(where, entries, "a list of entries, each with at least `image`")
    return tuple(_read_entry(entry, f"{where}[{number}]") for number, entry in enumerate(entries))


def _read_entry(entry: Any, where: str) -> Image:
    if not isinstance(entry, Mapping):
        raise refuse(where, entry, "a dictionary with " + ", ".join(KEYS))
    unknown = sorted(str(key) for key in entry if key not in KEYS)
    if unknown:
        raise PlanInputError(f"{where}: unknown key {', '.join(unknown)}; allowed: {', '.join(KEYS)}.")
    reference = entry.get("image")
    if not isinstance(reference, str) or not reference:
        raise refuse(f"{where}.image", reference, "an image reference such as registry.example/whisper.cpp:main-cuda")
    runtime = entry.get("runtime") or "cuda"
    if runtime not in RUNTIMES:
        raise refuse(f"{where}.runtime", runtime, ", ".join(RUNTIMES))
    platforms = entry.get("platforms")
    if platforms is None:
        platforms = PLATFORMS
    if not isinstance(platforms, (list, tuple)) or not all(platform in PLATFORMS for platform in platforms):
        raise refuse(f"{where}.platforms", platforms, "a list of " + ", ".join(PLATFORMS))
    cuda_version, code = _read_code(entry, where)
    if runtime == "cuda" and code.toolkit_major is None:
        raise refuse(f"{where}.cuda_version", entry.get("cuda_version"), "the image's CUDA version, such as '12.4.1'")
    problems = entry.get("known_problems") or ()
    if not isinstance(problems, (list, tuple)):
        raise refuse(f"{where}.known_problems", problems, "a list")
    return Image(
        name=str(entry.get("name") or reference),
        reference=str(reference),
        runtime=str(runtime),
        cuda_version=cuda_version,
        code=code,
        known_problems=tuple(
            _read_problem(problem, f"{where}.known_problems[{n}]") for n, problem in enumerate(problems)
        ),
        platforms=tuple(str(platform) for platform in platforms),
        whisper_version=read_whisper_version(entry.get("whisper_version"), f"{where}.whisper_version"),
    )


def read_whisper_version(value: Any, where: str) -> str | None:
    if value is None or (isinstance(value, str) and value):
        return value
    raise refuse(where, value, "whisper.cpp's version as a string, such as '1.9.5'")


def _read_problem(problem: Any, where: str) -> KnownProblem:
    if isinstance(problem, str):
        return KnownProblem(str(problem))
    allowed = "text, or a dictionary with message, environment (text to text), rejects (true, false) and code"
    if not isinstance(problem, Mapping) or not isinstance(problem.get("message"), str):
        raise refuse(where, problem, allowed)
    environment = problem.get("environment") or {}
    rejects = problem.get("rejects", False)
    if not isinstance(environment, Mapping) or not all(
        isinstance(x, str) for pair in environment.items() for x in pair
    ):
        raise refuse(f"{where}.environment", environment, allowed)
    if not isinstance(rejects, bool):
        raise refuse(f"{where}.rejects", rejects, "true, false")
    variables = tuple(sorted((str(key), str(value)) for key, value in environment.items()))
    return KnownProblem(str(problem["message"]), variables, rejects)


def _read_code(entry: Mapping[str, Any], where: str) -> tuple[str | None, DeviceCode]:
    cuda_version = entry.get("cuda_version")
    cuda = _version(cuda_version, f"{where}.cuda_version")
    sass = entry.get("sass") or ()
    ptx = entry.get("ptx") or ()
    if not isinstance(sass, (list, tuple)):
        raise refuse(f"{where}.sass", sass, "a list of targets such as ['61', '90a']")
    if not isinstance(ptx, (list, tuple)):
        raise refuse(f"{where}.ptx", ptx, "a list of {arch, isa} such as [{arch: '90', isa: '8.4'}]")
    targets = {_target(target, f"{where}.sass[{n}]") for n, target in enumerate(sass)}
    read_ptx = {_read_ptx(item, f"{where}.ptx[{n}]") for n, item in enumerate(ptx)}
    code = DeviceCode(tuple(sorted(targets)), tuple(sorted(read_ptx, key=lambda item: (item[0], item[1] or ()))), cuda)
    return (str(cuda_version) if cuda else None), code


def _target(value: Any, where: str) -> Target:
    try:
        return parse_target(value if isinstance(value, str) else "")
    except ValueError:
        raise refuse(where, value, "a target as a string, such as '61', '90a' or '100f'") from None


def _read_ptx(item: Any, where: str) -> tuple[Target, Version | None]:
    if not isinstance(item, Mapping):
        raise refuse(where, item, "a dictionary with arch and isa, such as {arch: '90', isa: '8.4'}")
    isa = _version(item.get("isa"), f"{where}.isa")
    return _target(item.get("arch"), f"{where}.arch"), (cuda_minor(isa) if isa else None)


def _version(value: Any, where: str) -> Version | None:
    if value is None or value == "":
        return None
    try:
        version = parse_version(value if isinstance(value, str) else "")
    except ValueError:
        raise refuse(where, value, "a version as a string, such as '12.4'") from None
    return version if len(version) > 1 else (version[0], 0)


def read_measured(measured: Any) -> dict[str, Mapping[str, Any]]:
    if measured is None:
        return {}
    if not isinstance(measured, Mapping) or not all(isinstance(value, Mapping) for value in measured.values()):
        raise refuse("measured", measured, "a dictionary from image reference to the result of cuda_image_info")
    return {str(image): result for image, result in measured.items()}


def with_measurement(image: Image, measured: Mapping[str, Mapping[str, Any]]) -> Image:
    """The image as it was read, where it was; else as claimed."""
    result = measured.get(image.reference)
    if result is None:
        return image
    where = f"measured[{image.reference}]"
    cuda_version, code = _read_code({**result, **_code_of_ggml(result, where)}, where)
    if code.cuda is None:
        cuda_version = image.cuda_version
        code = DeviceCode(code.sass, code.ptx, image.code.cuda)
    problems = tuple(
        " ".join(str(problem[key]) for key in ("message", "remedy") if problem.get(key))
        for problem in result.get("problems") or ()
        if isinstance(problem, Mapping)
    )
    return Image(
        image.name,
        image.reference,
        image.runtime,
        cuda_version,
        code,
        image.known_problems,
        image.platforms,
        measured=True,
        problems=problems,
        whisper_version=image.whisper_version,
    )


def measure_build(reference: str, cuda_version: str, measured: Mapping[str, Mapping[str, Any]]) -> DeviceCode | None:
    """What was read out of an image built here. Its tag is the plan's, or begins with it (the whisper.cpp version)."""
    names = sorted(name for name in measured if name == reference or name.startswith(f"{reference}-"))
    if not names:
        return None
    built = Image(reference, names[-1], "cuda", cuda_version, DeviceCode(cuda=parse_version(cuda_version)), (), ())
    return with_measurement(built, measured).code


def _code_of_ggml(result: Mapping[str, Any], where: str) -> dict[str, list[Any]]:
    """Only ggml's own kernels decide, and of those what every one of them has.

    cuBLAS in the same image carries SASS for GPUs that ggml was not built for.
    """
    libraries = result.get("libraries") or ()
    if not isinstance(libraries, (list, tuple)) or not all(isinstance(library, Mapping) for library in libraries):
        raise refuse(f"{where}.libraries", libraries, "a list of dictionaries")
    ggml = [library for library in libraries if "ggml-cuda" in str(library.get("path")).rsplit("/", 1)[-1]]
    if not ggml:
        return {}
    return {
        "sass": [item for library in ggml for item in library.get("complete") or library.get("sass") or ()],
        "ptx": [item for library in ggml for item in library.get("complete_ptx") or library.get("ptx") or ()],
    }
