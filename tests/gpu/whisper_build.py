"""whisper.cpp from its source, with the options that a plan names."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Mapping, NamedTuple

TARGETS = ("whisper-server", "whisper-cli", "whisper-bench")
# Steps between two lines of progress.
PROGRESS = 25


class Build(NamedTuple):
    folder: Path
    options: Mapping[str, str]
    seconds: float

    def binary(self, name: str) -> Path:
        return next(path for path in (self.folder / "bin" / name, self.folder / name) if path.exists())

    def cuda_library(self) -> Path:
        found = [path for path in self.folder.rglob("libggml-cuda.so*") if not path.is_symlink()]
        assert len(found) == 1, f"one libggml-cuda.so was expected in {self.folder}: {found}"
        return found[0]


class Source(NamedTuple):
    folder: Path
    version: str
    sha256: str


def bring_source(given: str, requirement: Path, work: Path) -> Source:
    """``given``: an archive or a folder with whisper.cpp in it; empty to fetch the one that the lab builds from."""
    path = Path(given) if given else _fetch(requirement, work)
    assert path.exists(), f"WHISPEROPS_WHISPER_SOURCE names {path}, which is not there"
    sha256 = ""
    if path.is_file():
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        unpacked = work / f"source-{sha256[:12]}"
        if not unpacked.exists():
            partial = unpacked.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            with tarfile.open(path) as archive:
                archive.extractall(partial, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
            partial.rename(unpacked)
        path = unpacked
    headers = sorted(path.rglob("include/whisper.h"), key=lambda header: len(header.parts))
    assert headers, f"{path} holds no include/whisper.h"
    folder = headers[0].parents[1]
    found = re.search(r'project\("whisper\.cpp" VERSION ([\d.]+)\)', (folder / "CMakeLists.txt").read_text())
    assert found, f"{folder}/CMakeLists.txt names no version of whisper.cpp"
    return Source(folder, found.group(1), sha256)


def _fetch(requirement: Path, work: Path) -> Path:
    print("fetching whisper.cpp's source (WHISPEROPS_WHISPER_SOURCE=/path/to/archive spares this) ...", flush=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "pywhispercpp"]
    command += ["--require-hashes", "--dest", str(work), "--requirement", str(requirement)]
    subprocess.run(command, check=True)
    return next(work.glob("*.tar.gz"))


def build(source: Source, folder: Path, options: Mapping[str, str], targets: tuple[str, ...] = TARGETS) -> Build:
    began = time.monotonic()
    # CMake takes the CUDA compiler from PATH.
    path = os.pathsep.join([os.environ["PATH"], "/usr/local/cuda/bin"])
    environment = dict(os.environ, PATH=path)
    defines = [f"-D{name}={value}" for name, value in sorted({**options, "WHISPER_BUILD_TESTS": "OFF"}.items())]
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "build.log"
    with log.open("wb") as output:
        configure = ["cmake", "-S", str(source.folder), "-B", str(folder), "-G", "Ninja", *defines]
        done = subprocess.run(configure, stdout=output, stderr=subprocess.STDOUT, env=environment, check=False)
    assert done.returncode == 0, f"cmake failed:\n{log.read_text()[-3000:]}"
    compile_ = ["cmake", "--build", str(folder), *(word for target in targets for word in ("--target", target))]
    with subprocess.Popen(compile_, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment) as ninja:
        tail = _show_progress(ninja, began)
    assert ninja.returncode == 0, "the build failed:\n" + "".join(tail)
    return Build(folder, dict(options), round(time.monotonic() - began, 1))


def _show_progress(ninja: subprocess.Popen[bytes], began: float) -> list[str]:
    tail: list[str] = []
    for raw in ninja.stdout or ():
        line = raw.decode(errors="replace")
        tail = [*tail[-40:], line]
        step = re.match(r"\[(\d+)/(\d+)\]", line)
        if step and int(step.group(1)) % PROGRESS == 0:
            print(f"  {step.group(0)} after {time.monotonic() - began:.0f} s", flush=True)
    return tail
