"""Fetches NVIDIA's compilers, as pinned in requirements.txt, into FOLDER, one toolkit to a folder of its own.

    python tests/cuda/fetch.py FOLDER all
    python tests/cuda/fetch.py FOLDER 11.8 12.4
    export WHISPEROPS_NVCC="$(cat FOLDER/WHISPEROPS_NVCC)"

Needs pip (or uv) and the network; all of them take about 3 GB. A toolkit that is there already is not fetched again.
Toolkits before 13 have no nvcc on PyPI, only its assembler, ptxas; the tests take either.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PINS = Path(__file__).with_name("requirements.txt")


def rows() -> dict[str, list[str]]:
    """From toolkit (``12.4``) to what makes it up, oldest first."""
    lines = [line.split() for line in PINS.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    return {".".join(row[0].split("==")[1].split(".")[:2]): row for row in lines}


def chosen(toolkits: list[str]) -> dict[str, list[str]]:
    there = rows()
    unknown = sorted(set(toolkits) - set(there) - {"all"})
    if unknown or not toolkits:
        sys.exit(f"toolkits: got {', '.join(unknown) or 'none'}; allowed: all, {', '.join(there)}")
    return {toolkit: row for toolkit, row in there.items() if toolkit in toolkits or "all" in toolkits}


def install(requirements: list[str], folder: Path) -> None:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    installer = [uv, "pip", "install"] if uv else [sys.executable, "-m", "pip", "install"]
    subprocess.run([*installer, "--quiet", "--no-deps", "--target", str(folder), *requirements], check=True)


def fetch(requirements: list[str], toolkit: Path) -> Path:
    """A folder is as its row says or it is not there: what was pinned goes into a note beside the wheels."""
    note = toolkit / "requirements.txt"
    pinned = "\n".join(requirements) + "\n"
    if not note.exists() or note.read_text(encoding="utf-8") != pinned:
        shutil.rmtree(toolkit, ignore_errors=True)
        install(requirements, toolkit)
        note.write_text(pinned, encoding="utf-8")
    found = sorted(toolkit.glob("nvidia/*/bin/nvcc")) or sorted(toolkit.glob("nvidia/*/bin/ptxas"))
    if not found:
        sys.exit(f"{' '.join(requirements)} holds neither nvcc nor ptxas")
    return found[0]


def main(folder: Path, toolkits: list[str]) -> None:
    compilers = [fetch(row, folder / toolkit) for toolkit, row in chosen(toolkits).items()]
    (folder / "WHISPEROPS_NVCC").write_text(os.pathsep.join(map(str, compilers)) + "\n", encoding="utf-8")
    print(f"{len(compilers)} toolkits in {folder}")


if __name__ == "__main__":
    if len(sys.argv) < len(("script", "folder", "toolkit")):
        sys.exit(__doc__)
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
