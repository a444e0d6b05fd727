"""Hosts that others posted, replayed: what detection and plan make of them, against what is right.

    .venv/bin/python tests/cases/replay.py DIRECTORY [--library libnvidia-ml.so.1] [--words WORDS.json] [-v]

For each NAME.json in the directory: `root` is what the host's /sys, /dev and /proc show, NAME.xml, NAME.csv,
NAME.list.txt and NAME.table.txt what nvidia-smi printed, `rc` what it ended with, `expect` what is right. NAME.iN.xml
and NAME.iN.csv are `nvidia-smi -i N`. With --library a stand-in for NVML (tests/lab/driver/nvml_stub.c) answers what
`stub` says; without, only nvidia-smi does. WORDS.json has, by NAME, what the problems and the plan must say (`must`),
must not (`never`), and how many GPUs are to be served (`served`): a verdict that is right and lacks them is counted as
poor words.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
import tempfile
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / ".collections"))

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.detect import Detector  # noqa: E402
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml import Binding  # noqa: E402
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Result  # noqa: E402
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.plan import deployment_plan  # noqa: E402

RELEASE = "6.12.0-replayed"
PROPRIETARY = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  {}  Tue Apr  8 12:41:17 UTC 2025\n"
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {}  Release Build  (root@host)\n"
# Between what a table shows and what the XML says.
ROUNDING_MIB = 2
VERDICTS = ("native", "same_major", "jit", "cpu", "impossible")


def plant(base: Path, host: dict) -> None:
    """The host's file system, as far as the case tells it."""

    def write(path: str, text: str = "") -> None:
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        (base / path).write_text(text, encoding="utf-8")

    module = host.get("module")
    for entry in host.get("pci", []):
        bus_id, driver = (entry, "nvidia" if module else None) if isinstance(entry, str) else entry
        device = f"sys/bus/pci/devices/{bus_id}"
        write(f"{device}/vendor", "0x10de\n")
        write(f"{device}/class", "0x030000\n")
        if driver:
            os.symlink(f"../../../bus/pci/drivers/{driver}", base / device / "driver")
    if module:
        write("proc/driver/nvidia/version", (OPEN if host.get("open") else PROPRIETARY).format(module))
        if host.get("sys_module", True):
            write("sys/module/nvidia/version", module + "\n")
        for node in ("nvidiactl", "nvidia0"):
            write(f"dev/{node}")
    if "modules_dep" in host:
        write(f"lib/modules/{RELEASE}/modules.dep", host["modules_dep"])
    for version in host.get("libs", []):
        write(f"usr/lib/x86_64-linux-gnu/libnvidia-ml.so.{version}")
    for path, text in host.get("files", {}).items():
        write(path, text)


class Replayed:
    """The tools of the host: nvidia-smi with what it printed, and a container toolkit without a fault."""

    def __init__(self, directory: Path, name: str, case: dict) -> None:
        self.stem = directory / name
        self.rc = case.get("rc", {})
        self.tools = {"nvidia-ctk"} if case.get("no_smi") else {"nvidia-smi", "nvidia-ctk"}

    def which(self, name: str) -> str | None:
        return name if name in self.tools else None

    def __call__(self, command: list[str]) -> Result:
        if command[0] == "nvidia-ctk":
            return Result(0, "NVIDIA Container Toolkit CLI version 1.20.0\n", "")
        arguments, gpu = list(command[1:]), None
        for option in ("-i", "--id"):
            if option in arguments:
                place = arguments.index(option)
                gpu = arguments[place + 1]
                del arguments[place : place + 2]
        kind = self.kind(arguments)
        if gpu is not None:
            file = self.stem.parent / f"{self.stem.name}.i{gpu}.{kind}"
            if file.exists():
                return Result(0, file.read_text(encoding="utf-8"), "")
        return self.answer(kind)

    def kind(self, arguments: list[str]) -> str:
        joined = " ".join(arguments)
        if "--query-gpu" in joined:
            old = "compute_cap" not in joined and (self.stem.parent / f"{self.stem.name}.csv3").exists()
            return "csv3" if old else "csv"
        return "list.txt" if "-L" in arguments else "xml" if "-x" in arguments else "table.txt"

    def answer(self, kind: str) -> Result:
        file = self.stem.parent / f"{self.stem.name}.{kind}"
        text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
        rc = 0 if kind == "csv3" else self.rc.get(kind.partition(".")[0], 0)
        # What a shell calls 128 + N, subprocess calls -N; a tool that never ended has no status.
        hung = rc == "timeout"
        return Result(None if hung else rc, "" if hung else text, "no answer within 60 seconds" if hung else "")


def binding(library: Path | None, case: dict) -> Binding:
    if library is None or not case.get("stub"):
        return Binding(None, "no libnvidia-ml.so.1")
    from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import nvml_library  # noqa: PLC0415 - only here

    return Binding(nvml_library.open_library(str(library)))


def replay(directory: Path, name: str, case: dict, library: Path | None) -> tuple[dict, dict]:
    tools = Replayed(directory, name, case)
    with tempfile.TemporaryDirectory() as base:
        plant(Path(base), case["root"])
        machine = mock.patch.object(platform, "machine", return_value=case.get("machine", "x86_64"))
        with machine, mock.patch.dict(os.environ, case.get("stub") or {}):
            detector = Detector(base, RELEASE, tools, tools.which, lambda: binding(library, case))
            report = detector.report().to_dict()
    return report, deployment_plan(report)


def wrong(expect: dict, report: dict, plan: dict) -> list[str]:
    """What is decided otherwise than is right."""
    found = []
    gpus = report["gpus"]

    def hold(what: str, seen: object, right: object) -> None:
        if seen != right:
            found.append(f"{what}: {seen!r}, right is {right!r}")

    if isinstance(expect.get("present"), bool):
        hold("present", report["gpu_present"], expect["present"])
    if "driver" in expect:
        hold("driver", report["driver"]["version"], expect["driver"])
    if "cuda" in expect:
        hold("cuda", report["cuda_driver_version"], expect["cuda"])
    if "cc" in expect:
        seen = [gpu["compute_capability"] for gpu in gpus]
        # Null in a case: not known by that host's nvidia-smi. Whoever knows it all the same is right.
        if len(seen) != len(expect["cc"]) or any(right not in (None, one) for one, right in zip(seen, expect["cc"])):
            found.append(f"cc: {seen!r}, right is {expect['cc']!r}")
    if "mem" in expect:
        seen = [gpu["memory_total_mib"] for gpu in gpus]
        if len(seen) != len(expect["mem"]) or any(
            right is not None and abs((one or 0) - right) > ROUNDING_MIB for one, right in zip(seen, expect["mem"])
        ):
            found.append(f"mem: {seen!r}, right is {expect['mem']!r}")
    if "mig" in expect:
        hold("mig", sum(len(gpu["mig_devices"] or []) for gpu in gpus), expect["mig"])
    missing = set(expect.get("codes", [])) - {problem["code"] for problem in report["problems"]}
    if missing:
        found.append(f"codes: {sorted(missing)} missing")
    allowed = [one for one in VERDICTS if re.search(rf"\b{one}\b", expect["verdict"].lower())]
    if "native" in allowed and "image" in expect:
        allowed.append("same_major")
    if plan["verdict"] not in allowed:
        found.append(f"verdict: {plan['verdict']}, right is {expect['verdict']}")
    return found


def poor(words: dict, report: dict, plan: dict) -> list[str]:
    """What is decided as is right, and told badly."""
    told = [f"{p['code']}: {p['message']} {p['remedy']}" for p in report["problems"]]
    told += plan["reasons"] + plan["warnings"] + [f"{one['code']}: {one['reason']}" for one in plan["rejected"]]
    text = "\n".join(told)
    found = [f"nothing says {one!r}" for one in words.get("must", []) if not re.search(one, text, re.IGNORECASE)]
    found += [f"says {one!r}" for one in words.get("never", []) if re.search(one, text, re.IGNORECASE)]
    return found


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("directory", type=Path)
    options.add_argument("--library", type=Path)
    options.add_argument("--words", type=Path)
    options.add_argument("-v", "--verbose", action="store_true", help="print what was said of each")
    options.add_argument("--only", help="cases whose name begins so")
    given = options.parse_args()
    words = json.loads(given.words.read_text(encoding="utf-8")) if given.words else {}
    counts = {"right": 0, "right verdict but poor words": 0, "wrong": 0}
    for file in sorted(given.directory.glob("*.json")):
        name = file.stem
        if given.only and not name.startswith(given.only):
            continue
        case = json.loads(file.read_text(encoding="utf-8"))
        report, plan = replay(given.directory, name, case, given.library)
        wanted = words.get(name, {})
        found = wrong(case["expect"], report, plan)
        if "served" in wanted and len(plan["servers"]) != wanted["served"]:
            found.append(f"served: {len(plan['servers'])}, right is {wanted['served']}")
        words_found = poor(wanted, report, plan)
        kind = "wrong" if found else "right verdict but poor words" if words_found else "right"
        counts[kind] += 1
        if kind != "right" or given.verbose:
            print(f"{name}: {kind}", *found, *words_found, sep="\n    ")
        if given.verbose:
            print(json.dumps({"report": report, "plan": plan}, indent=1))
    print(*(f"{kind}: {count}" for kind, count in counts.items()), sep=" / ")
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
