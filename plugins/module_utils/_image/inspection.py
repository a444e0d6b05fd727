# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that cuda_image_info tells, put together from a file, a directory or an image."""

from __future__ import annotations

import contextlib
import http.client
import os
import posixpath
import re
import tarfile
from typing import Any, Iterable, Iterator

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import Version
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError, Problem

from . import device_code, elf, loader
from .budget import Budget, TreeBudget
from .docker_images import Images
from .file_tree import File, FileTree, HostTree, TarTree, open_on_host, printable, resolve
from .problems import DamagedFileError

_LIBCUDA = re.compile(r"^libcuda\.so(\.\d+)*$")
# Wheels rename it: libcudart-9335f6a2.so.12.4.127.
_LIBCUDART = re.compile(r"^libcudart(?:-[0-9a-f]+)?\.so\.([0-9]{1,9}(?:\.[0-9]{1,9}){0,9})$")
_CPU_VARIANT = re.compile(r"^libggml-cpu-[a-z0-9_]+\.so$")

# Some hundred are in the largest images known.
_MOST_LIBRARIES = 10_000
# More of one kind say nothing new, and a tree of test data can be full of damaged ELF files.
_MOST_DAMAGE_REPORTS = 20

_ENVIRONMENT_NAMES = ("PATH", "LD_LIBRARY_PATH", "LD_PRELOAD")
_ENVIRONMENT_PREFIXES = ("CUDA_", "NVIDIA_", "GGML_", "WHISPER_")
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL")


def empty_result() -> dict[str, Any]:
    """Every key that the module returns, in success and in failure."""
    return {
        "libraries": [],
        "sass": [],
        "ptx": [],
        "complete": [],
        "complete_ptx": [],
        "cuda_version": None,
        "cuda_version_source": None,
        "require_cuda": None,
        "compat_libraries": [],
        "cpu_baseline": None,
        "environment": {},
        "entrypoint": None,
        "cmd": None,
        "user": None,
        "labels": {},
        "platform": None,
        "image_id": None,
        "repo_digests": [],
        "problems": [],
    }


class _Libraries:
    """The libraries with device code, and what was wrong with any."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, device_code.DeviceCode]] = {}
        self.problems: list[Problem] = []
        self._damaged = 0

    def add(self, path: str, size: int, code: device_code.DeviceCode) -> None:
        if code.containers and not self._keep(path, size, code):
            return
        if code.damage:
            self.add_damage(path, code.damage)
        else:
            self.problems += device_code.library_problems(printable(path), code)

    def add_damage(self, path: str, damage: DamagedFileError) -> None:
        self._damaged += 1
        if self._damaged <= _MOST_DAMAGE_REPORTS:
            self.problems.append(device_code.damage_problem(printable(path), damage))

    def add_hard_link(self, path: str, earlier: str) -> None:
        if earlier in self._found:
            self._keep(path, *self._found[earlier])

    def _keep(self, path: str, size: int, code: device_code.DeviceCode) -> bool:
        if len(self._found) >= _MOST_LIBRARIES:
            self.add_damage(
                path, DamagedFileError("inspection_limit", f"more than {_MOST_LIBRARIES} files with device code")
            )
            return False
        self._found[path] = (size, code)
        return True

    def __len__(self) -> int:
        return len(self._found)

    def as_result(self, of_all: bool) -> dict[str, Any]:
        """``of_all``: NVIDIA's own libraries count too, because one was asked for by name."""
        counted = [
            code for path, (_size, code) in self._found.items() if of_all or not device_code.is_from_nvidia(path)
        ]
        with_kernels = [code for code in counted if code.with_kernels or code.damage]
        every_ptx = {ptx for code in with_kernels for ptx in code.complete_ptx}
        ptx_in_every = device_code.in_every({arch for arch, _isa in code.complete_ptx} for code in with_kernels)
        return {
            "libraries": [
                device_code.library_as_dict(printable(path), size, code)
                for path, (size, code) in sorted(self._found.items(), key=lambda found: found[0])
            ],
            "sass": device_code.in_order({arch for code in counted for arch in code.sass}),
            "ptx": device_code.ptx_as_dicts({ptx for code in counted for ptx in code.ptx}),
            "complete": device_code.in_order(device_code.in_every(code.complete_sass for code in with_kernels)),
            "complete_ptx": device_code.ptx_as_dicts(device_code.newest_isa(every_ptx, ptx_in_every)),
        }


class _RootFileSystem:
    """What is worth knowing of a whole tree, gathered in one pass."""

    def __init__(self, tree: FileTree) -> None:
        self._tree = tree
        self.libraries = _Libraries()
        self.libcuda: list[str] = []
        self._cudart_versions: list[str] = []
        self._cpu_variants: set[str] = set()
        self._configuration: dict[str, str] = {}
        self._configuration_left = loader.LARGEST_CONFIGURATION
        self._budget = TreeBudget()
        for file in tree.files():
            self._take(file)

    def _take(self, file: File) -> None:
        directory, name = posixpath.split(file.path)
        # Toolkits have a libcuda.so in `stubs` for the linker alone.
        if _LIBCUDA.match(name) and not (name == "libcuda.so" and posixpath.basename(directory) == "stubs"):
            self.libcuda.append(file.path)
        if file.symlink_to is not None:
            return
        if _CPU_VARIANT.match(name):
            self._cpu_variants.add(name)
        cudart = _LIBCUDART.match(name)
        if cudart:
            self._cudart_versions.append(cudart.group(1))
        if file.hard_link_to is not None:
            self.libraries.add_hard_link(file.path, file.hard_link_to)
            return
        try:
            if loader.is_configuration(file.path):
                self._configuration[file.path] = self._text(file)
            elif file.size >= elf.HEADER_SIZE:
                header = elf.parse_header(file.head(elf.HEADER_SIZE))
                # Images carry whole build trees: objects and what is in them are not what a process loads.
                if header is not None and header.loadable:
                    with file.reader() as reader:
                        code = device_code.read_device_code(reader, self._budget.of_file())
                    if code is not None:
                        self.libraries.add(file.path, file.size, code)
        except DamagedFileError as damage:
            self.libraries.add_damage(file.path, damage)

    def _text(self, file: File) -> str:
        content = file.head(self._configuration_left + 1)
        self._configuration_left -= len(content)
        if self._configuration_left < 0:
            self._configuration_left = 0
            limit = f"the loader's configuration is larger than {loader.LARGEST_CONFIGURATION} bytes in all"
            raise DamagedFileError("inspection_limit", limit)
        return content.decode("utf-8", "surrogateescape")

    def as_result(self, environment: dict[str, str]) -> dict[str, Any]:
        def follow(path: str) -> str:
            return resolve(path, self._tree.symlink)

        result = self.libraries.as_result(of_all=False)
        problems = list(self.libraries.problems)
        if not result["complete"] and not result["complete_ptx"] and not result["sass"] and not result["ptx"]:
            problems.insert(0, _nothing_for_a_gpu(len(self.libraries)))
        problems += loader.compat_problems(
            self.libcuda, environment.get("LD_LIBRARY_PATH", ""), self._configuration, follow
        )
        version, source = environment.get("CUDA_VERSION") or None, "environment"
        if version is None:
            version, source = _newest_cudart(self._cudart_versions), "libcudart"
        result.update(
            cuda_version=version,
            cuda_version_source=source if version else None,
            compat_libraries=[printable(path) for path in sorted(self.libcuda)],
            cpu_baseline="all variants" if len(self._cpu_variants) > 1 else None,
            problems=[problem.as_dict() for problem in problems],
        )
        return result


def _nothing_for_a_gpu(libraries_of_nvidia: int) -> Problem:
    seen = "No program or library in it holds CUDA device code"
    if libraries_of_nvidia:
        seen = f"Only NVIDIA's own libraries in it ({libraries_of_nvidia}) hold CUDA device code"
    return Problem(
        "no_device_code",
        f"{seen}: nothing of the application runs on a GPU.",
        "Take an image built with CUDA (for ggml: GGML_CUDA=ON), not a CPU build.",
    )


def _newest_cudart(versions: Iterable[str]) -> str | None:
    """libcudart.so.12.4.127 belongs to CUDA 12.4; the third number counts its own builds."""
    newest = max(map(Version.parse, versions), default=None)
    return str(newest.minor) if newest else None


def _environment(entries: Iterable[str]) -> dict[str, str]:
    found = {}
    for entry in entries:
        name, _equals, value = entry.partition("=")
        of_interest = name in _ENVIRONMENT_NAMES or name.startswith(_ENVIRONMENT_PREFIXES)
        if of_interest and not _SECRET.search(name):
            found[name] = value
    return found


def inspect_path(path: str) -> dict[str, Any]:
    """A library, a program, an object file, or a directory taken as a root file system."""
    result = empty_result()
    if os.path.isdir(path):
        tree = HostTree(path)
        result.update(_RootFileSystem(tree).as_result({}))
        if tree.unreadable:
            shown = ", ".join(printable(path) for path in tree.unreadable[:3])
            result["problems"].append(
                Problem(
                    "unreadable",
                    f"{len(tree.unreadable)} directories could not be listed: {shown}.",
                    "Run the task with become: true.",
                ).as_dict()
            )
        return result
    if not os.path.isfile(path):
        seen = "is neither a file nor a directory" if os.path.lexists(path) else "does not exist on this host"
        raise InspectionError(
            Problem("path_not_found", f"{path} {seen}.", "Correct path; it is looked for on the managed host.")
        )
    libraries = _Libraries()
    try:
        with open_on_host(path) as reader:
            code = device_code.read_device_code(reader, Budget())
            size = reader.size
    except DamagedFileError as damage:
        raise InspectionError(device_code.damage_problem(path, damage)) from damage
    if code is None:
        libraries.problems.append(
            Problem(
                "no_device_code",
                f"{path} has neither a .nv_fatbin nor a __nv_relfatbin section: it holds no CUDA device code.",
                "Nothing of it runs on a GPU. Name the library that holds the kernels (for ggml: libggml-cuda.so).",
            )
        )
    else:
        libraries.add(path, size, code)
    result.update(libraries.as_result(of_all=True))
    result["problems"] = [problem.as_dict() for problem in libraries.problems]
    return result


@contextlib.contextmanager
def _broken_stream(reference: str) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, http.client.HTTPException, EOFError) as error:
        raise InspectionError(
            Problem(
                "docker_error",
                f"Docker's export of {reference} broke off or is no tar archive: {error!r}.",
                "Look at `journalctl -u docker` and the disk, then try again.",
            )
        ) from error


def inspect_image(engine: Images, reference: str, temporary_directory: str | None = None) -> dict[str, Any]:
    """An image, read from a container that is created, never started, and removed.

    Its export is one plain tar of the final file system, the same on every engine and image store. Saving the image
    (``GET /images/ID/get``) would need no container, but the engine first copies every layer to its own disk, which can
    fill it, and with the containerd store hands out layers as they were pushed: gzip or zstd, which Python before 3.14
    cannot read, in one of two layouts, with the deletions of later layers still to be applied.
    """
    image = engine.inspect_image(reference)
    configuration = image.get("Config") or {}
    environment = _environment(configuration.get("Env") or [])
    with engine.never_started_container(image["Id"]) as container, engine.export(container) as stream, _broken_stream(
        reference
    ):
        found = _RootFileSystem(TarTree(stream, temporary_directory)).as_result(environment)
    result = empty_result()
    result.update(found)
    result.update(
        require_cuda=environment.get("NVIDIA_REQUIRE_CUDA"),
        environment=environment,
        entrypoint=configuration.get("Entrypoint"),
        cmd=configuration.get("Cmd"),
        user=configuration.get("User") or None,
        labels=configuration.get("Labels") or {},
        platform="/".join(part for part in (image.get("Os"), image.get("Architecture")) if part) or None,
        image_id=image["Id"],
        repo_digests=sorted(image.get("RepoDigests") or []),
    )
    return result
