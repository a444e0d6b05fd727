"""Seconds and peak memory for reading one library: our reader against `cuobjdump --list-elf --list-ptx`, side by side.

    python tests/bench/cuda_image_info.py LIBRARY [--cuobjdump PATH] [--runs 5]

Each run is a process of its own, with the interpreter's start and all imports counted in; ours and cuobjdump's runs
alternate. The library is read once before, so that both find it in the page cache. Both must have found the same number
of entries.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]

OURS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.whisperops.gpu.plugins.module_utils._image import device_code, fatbin
from ansible_collections.whisperops.gpu.plugins.module_utils._image.file_tree import open_on_host
with open_on_host(sys.argv[2]) as reader:
    code = device_code.read_device_code(reader)
    entries = code.entries()
    print(json.dumps({
        "library": device_code.library_as_dict(sys.argv[2], reader.size, code),
        "elf": sum(entry.kind == fatbin.SASS for entry in entries),
        "ptx": sum(entry.kind == fatbin.PTX for entry in entries),
    }))
"""


class Run(NamedTuple):
    seconds: float
    peak_mib: float
    output: str


def run(command: list[str]) -> Run:
    with tempfile.TemporaryFile() as output:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=output)
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        output.seek(0)
        return Run(seconds, usage.ru_maxrss / 1024, output.read().decode())


def line(name: str, runs: list[Run]) -> str:
    seconds = [each.seconds for each in runs]
    peak = max(each.peak_mib for each in runs)
    return (
        f"{name:<28} median {statistics.median(seconds):7.3f} s   "
        f"({min(seconds):.3f} to {max(seconds):.3f})   peak {peak:7.1f} MiB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("--cuobjdump", default="cuobjdump")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    library = str(arguments.library.resolve())

    with open(library, "rb") as file:
        # In small pieces: a child's peak memory as the kernel tells it is never below what its parent had.
        while file.read(1 << 16):
            pass
    ours, theirs = [], []
    for _run in range(arguments.runs):
        ours.append(run([sys.executable, "-I", "-S", "-c", OURS, str(ROOT / ".collections"), library]))
        theirs.append(run([arguments.cuobjdump, "--list-elf", "--list-ptx", library]))

    found = json.loads(ours[0].output)
    listed = {kind: len(re.findall(rf"^{kind} file", theirs[0].output, re.MULTILINE)) for kind in ("ELF", "PTX")}
    agree = (found["elf"], found["ptx"]) == (listed["ELF"], listed["PTX"])
    version = subprocess.run([arguments.cuobjdump, "--version"], check=True, capture_output=True, text=True).stdout
    size_mib = os.path.getsize(library) / 1024 / 1024
    ratio = statistics.median(each.seconds for each in theirs) / statistics.median(each.seconds for each in ours)
    memory = max(each.peak_mib for each in theirs) / max(each.peak_mib for each in ours)
    told = found["library"]
    sys.stdout.write(
        f"{Path(library).name}: {size_mib:.0f} MiB, {told['containers']} containers, "
        f"{found['elf']} SASS and {found['ptx']} PTX entries\n"
        f"complete: SASS {' '.join(told['complete'])}; PTX {' '.join(ptx['arch'] for ptx in told['complete_ptx'])}\n"
        f"{line('cuda_image_info', ours)}\n"
        f"{line('cuobjdump ' + re.findall(r'V([0-9.]+)', version)[0], theirs)}\n"
        f"ratio: {ratio:.1f} times the time, {memory:.1f} times the memory; {arguments.runs} runs each, "
        f"Python {sys.version.split()[0]}\n"
        f"entries: {'the same number' if agree else 'DIFFERENT NUMBERS'}\n"
    )
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
