"""Fetches NVIDIA's compilers, as pinned in requirements-cuda.txt, into FOLDER, one toolkit to a folder of its own.

    python tests/unit/fetch_nvcc.py FOLDER
    export WHISPEROPS_NVCC="$(cat FOLDER/WHISPEROPS_NVCC)"

Needs pip (or uv) and the network, and about 3 GB. Toolkits before 13 have no nvcc on PyPI, only its assembler, ptxas;
the tests take either.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PINS = Path(__file__).with_name("requirements-cuda.txt")


def rows() -> list[list[str]]:
    lines = PINS.read_text(encoding="utf-8").splitlines()
    return [line.split() for line in lines if line and not line.startswith("#")]


def install(requirements: list[str], folder: Path) -> None:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    installer = [uv, "pip", "install"] if uv else [sys.executable, "-m", "pip", "install"]
    subprocess.run([*installer, "--quiet", "--no-deps", "--target", str(folder), *requirements], check=True)


def main(folder: Path) -> None:
    compilers = []
    for requirements in rows():
        toolkit = folder / requirements[0].split("==")[1]
        if not toolkit.exists():
            partial = toolkit.with_suffix(".partial")
            install(requirements, partial)
            partial.rename(toolkit)
        found = sorted(toolkit.glob("nvidia/*/bin/nvcc")) or sorted(toolkit.glob("nvidia/*/bin/ptxas"))
        if not found:
            sys.exit(f"{' '.join(requirements)} holds neither nvcc nor ptxas")
        compilers.append(str(found[0]))
    (folder / "WHISPEROPS_NVCC").write_text(os.pathsep.join(compilers) + "\n", encoding="utf-8")
    print(f"{len(compilers)} toolkits in {folder}")


if __name__ == "__main__":
    if len(sys.argv) != len(("script", "folder")):
        sys.exit(__doc__)
    main(Path(sys.argv[1]).resolve())
