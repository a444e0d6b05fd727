"""Coverage-guided fuzzing of what nvidia-smi prints: XML, CSV, its list and its table. Any text makes a plan.

Run it with `make fuzz`. It starts from the captured output under tests/fixtures/nvidia_smi. One input is the exit
status in a byte, then what four commands print, with SEPARATOR between them.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Iterator

import atheris
from campaign import FIXTURES, MODULE_UTILS, fuzz

with atheris.instrument_imports(include=[f"{MODULE_UTILS}._gpu", f"{MODULE_UTILS}._cuda"]):
    from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvidia_smi import NvidiaSmi
    from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.processes import Processes
    from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.sysfs import HostFacts
    from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Result
    from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.plan import deployment_plan

SEPARATOR = b"\x1e"
FILES = ("q-x.xml", "query.csv", "list.txt", "table.txt")


def file_of(command: list[str]) -> str:
    if any(word.startswith("--query-gpu") for word in command):
        return "query.csv"
    return "q-x.xml" if "-x" in command else "list.txt" if "-L" in command else "table.txt"


def one_input(content: bytes) -> None:
    status, *parts = content.split(SEPARATOR)
    said = dict(zip(FILES, (part.decode("utf-8", "replace") for part in parts)))

    def run(command: Any) -> Result:
        return Result(status[0] if status else None, said.get(file_of(command), ""), "")

    seen = NvidiaSmi("nvidia-smi", run, HostFacts(), Processes("/nonexistent")).observe()
    assert seen.usable or seen.problems
    for gpu in seen.gpus:
        assert all(number is None or number >= 0 for number in (gpu.memory_total_mib, gpu.memory_free_mib, gpu.power_w))
    facts = {
        "gpu_present": True,
        "driver": {"version": seen.driver_version},
        "cuda_driver_version": seen.cuda_driver_version,
        "gpus": [asdict(gpu) for gpu in seen.gpus],
        "problems": [asdict(problem) for problem in seen.problems],
    }
    json.dumps(deployment_plan(facts))


def seeds() -> Iterator[bytes]:
    for folder in sorted((FIXTURES / "nvidia_smi").iterdir()):
        if (folder / "q-x.xml").exists():
            said = [(folder / file).read_bytes() if (folder / file).exists() else b"" for file in FILES]
            status = int((folder / "q-x.xml.rc").read_text()).to_bytes(1, "little")
            yield SEPARATOR.join([status, *said])


if __name__ == "__main__":
    fuzz("nvidia_smi", one_input, seeds(), max_length=32768)
