"""Renders a report of made-up hosts, to look at and for the browser test: ``made_up_hosts.py 300 reports/made-up``.

What nvidia-smi printed is captured (tests/fixtures/nvidia_smi) or derived from that by another card's name, capability
and driver; it goes through the parsing and the decision that real hosts go through. Proofs, speeds and failures are
invented: every record says `made_up`, and the page says so on top.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "nvidia_smi"

sys.path.insert(0, str(ROOT / ".collections"))
from ansible.utils.collection_loader import _collection_finder as finder  # noqa: E402  # after the path is set

if not any(isinstance(entry, finder._AnsibleCollectionFinder) for entry in sys.meta_path):
    finder._AnsibleCollectionFinder(paths=[str(ROOT / ".collections")])._install()

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.detect import Detector  # noqa: E402
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml import Binding  # noqa: E402
from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Result  # noqa: E402
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.plan import deployment_plan  # noqa: E402
from ansible_collections.whisperops.gpu.plugins.plugin_utils._report import records, report  # noqa: E402

FILE_OF_OPTION = {"-q": "q-x.xml", "-L": "list.txt", "": "table.txt"}
FAULTS = ("fault-9", "fault-15", "fault-18", "fault-999")


@dataclass(frozen=True)
class Card:
    """A capture, and what is another's in it. Without replacements it is the capture as it was."""

    capture: str
    replacements: tuple[tuple[str, str], ...] = ()


GTX = "NVIDIA GeForce GTX 1080"
CARDS = (
    Card("gtx1080-550"),
    Card("a100x2-535"),
    Card("gtx1080-550", ((GTX, "Tesla V100-PCIE-16GB"), (", 6.1", ", 7.0"), ("8192 MiB", "16384 MiB"))),
    Card(
        "gtx1080-550",
        ((GTX, "NVIDIA GeForce RTX 3090"), (", 6.1", ", 8.6"), ("550.163.01", "580.95.05"), ("12.4", "13.0")),
    ),
    Card("h200-mig-550"),
    Card("a100x2-lost-550"),
    Card("gtx1080-550", ((GTX, "NVIDIA L4"), (", 6.1", ", 8.9"), ("550.163.01", "590.44.01"), ("12.4", "13.1"))),
    Card("a100x2-535", (("535.261.03", "580.95.05"), ("12.2", "13.0"))),
)

RIGHT_TO_LEFT = "\u202egnp.exe\u202c \u05d0\u05d1\u05d2 \u0627\u0644\u0639\u0631\u0628\u064a\u0629"
SPEECH = "And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country."
# Each is a text; the page must show each as one.
HOSTILE = (
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "</title></style></script><h1>owned</h1><!--",
    "{{ 7 * 7 }} {% raw %} ${7*7} #{7*7} $\\frac{1}{0}$",
    "javascript:alert('owned') &lt;b&gt; &amp; ' \" ` \\",
    RIGHT_TO_LEFT,
    "null",
    "None",
    "-",
    " ",
    "\x00\x07\x1b[31mred\x1b[0m\r\nsecond line\u2028third\ufeff\ud800",
    "W" * 5000,
    'url(#x) id="f0-x" href="#x" <svg/onload=alert(1)>',
    "]]> --> <![CDATA[ <?xml ?> </svg></figure></details>",
    "\U0001f525 \u0e01\u0e33 e\u0301 \u65e5\u672c\u8a9e",
    "../../etc/passwd",
)


def captured(card: Card, host: str) -> Any:
    def run(command: list[str], *_: Any, **__: Any) -> Result:
        option = command[1] if len(command) > 1 else ""
        name = "query.csv" if option.startswith("--query-gpu") else FILE_OF_OPTION.get(option)
        if not command[0].endswith("nvidia-smi") or name is None:
            return Result(None, "", "not captured")
        file = FIXTURES / card.capture / name
        text = file.read_text(encoding="utf-8")
        for before, after in card.replacements:
            text = text.replace(before, after)
        # A UUID is one card's: the first group becomes the host's.
        text = text.replace("GPU-0000", f"GPU-{sum(host.encode()) % 0xFFFF:04x}")
        return Result(int(Path(f"{file}.rc").read_text(encoding="utf-8")), text, "")

    return run


def no_binding() -> Any:
    return Binding(None, "made up without pynvml")


def gpu_info(card: Card | None, host: str) -> dict[str, Any]:
    def which(name: str) -> str | None:
        return f"/usr/bin/{name}" if card and name == "nvidia-smi" else None

    runner = captured(card or CARDS[0], host)
    found = Detector("/nonexistent", "6.12.0", runner, which, no_binding).report().to_dict()
    found["machine"] = "x86_64"
    return found


def proof(plan: dict[str, Any], dice: random.Random, gpu_used: bool | None) -> list[dict[str, Any]]:
    results = []
    for place, server in enumerate(plan["servers"]):
        seconds = round(dice.uniform(0.2, 2.5) if server["gpu"] else dice.uniform(3, 9), 3)
        missing = {True: [], False: ["log", "process_memory", "utilization"], None: ["process_memory", "utilization"]}
        cause = {
            "code": "container_without_gpu",
            "message": "The container was created without a GPU: by the wrong runtime, or with no device.",
            "remedy": "Run site.yml.",
        }
        results.append(
            {
                "item": {
                    "gpu": server["gpu"],
                    "container": f"whisper-server-{place}",
                    "url": f"http://127.0.0.1:{server['port']}/v1/audio/transcriptions",
                },
                "text": SPEECH,
                "expected_similarity": 1.0,
                "seconds": seconds,
                "audio_seconds": 11.0,
                "real_time_factor": round(seconds / 11, 4),
                "gpu_used": gpu_used if server["gpu"] else False,
                "missing": missing[gpu_used] if server["gpu"] else [],
                "cause": cause if server["gpu"] and gpu_used is False else None,
                "evidence": {
                    "kinds": dict.fromkeys(["log", "process_memory", "utilization"], gpu_used),
                    "log": {
                        "placed_on_gpu": gpu_used,
                        "placement_mb": {"CUDA0": 147.37} if gpu_used else {},
                        "negative": [],
                    },
                    "process_memory_mib": 388 if gpu_used else None,
                    "utilization_max_percent": 71 if gpu_used else None,
                    "device_code": "native",
                },
            }
        )
    return results


def benchmark(dice: random.Random, memory_mib: int) -> dict[str, Any]:
    runs = []
    speed = {"gpu": dice.uniform(12, 160), "cpu": dice.uniform(0.6, 6)}
    for label, factor in speed.items():
        for clip, audio in (("short", 2.0), ("medium", 30.0), ("long", 300.0)):
            seconds = audio / factor
            runs.append(
                {
                    "label": label,
                    "clip": clip,
                    "audio_seconds": audio,
                    "clients": 1,
                    "seconds": [round(seconds, 3)] * 3,
                    "median": round(seconds, 3),
                    "p50": round(seconds, 3),
                    "p95": round(seconds * 1.1, 3),
                    "rtf": round(1 / factor, 4),
                    "throughput": round(factor, 2),
                    "gpu_memory_peak_mib": memory_mib if label == "gpu" else None,
                    "energy_j": round(seconds * 90, 1) if label == "gpu" else None,
                }
            )
    ramp = [memory_mib * min(step, 12) // 12 for step in range(1, 40)]
    samples = [
        {"t": step, "memory_mib": used + dice.randint(0, 9), "utilization": 60} for step, used in enumerate(ramp)
    ]
    instances = [{"servers": servers, "throughput": round(speed["gpu"] * servers**0.6, 1)} for servers in (1, 2, 4)]
    return {
        "machine": {},
        "runs": runs,
        "load_seconds": 1.4,
        "first_answer_seconds": 2.1,
        "instances": instances,
        "samples": samples,
    }


def record(place: int, dice: random.Random, now: str) -> dict[str, Any]:
    host = f"made-up-{place}"
    hostile = HOSTILE[(place // 7) % len(HOSTILE)] if place % 7 == 6 else None
    card: Card | None = CARDS[place % len(CARDS)]
    if place % 11 == 10:
        card = Card(FAULTS[(place // 11) % len(FAULTS)])
    elif place % 10 == 4:
        card = None
    info = gpu_info(card, host)
    if hostile:
        host = f"{host} {hostile}"
        for gpu in info["gpus"]:
            gpu["name"] = hostile
    plan = deployment_plan(info, policy={"allow_cpu": "always"} if place % 5 == 3 else None)
    parts: dict[str, Any] = {"gpu_info": info, "plan": plan}
    error = f"plan_impossible: {' '.join(plan['reasons'])}" if plan["verdict"] == "impossible" else None
    if error is None and place % 23 == 17:
        error = f"model_unreachable: https://mirror.example.net/ggml-base.en.bin: 404. {hostile or ''}"
    if error is None and place % 29 == 19:
        error = "unreachable: ssh: connect to host 192.0.2.1 port 22: No route to host"
    if error is None:
        parts["proof"] = proof(plan, dice, {13: False, 26: None}.get(place % 31, True))
        if hostile:
            parts["proof"][0]["text"] = hostile
            parts["proof"][0]["evidence"]["log"]["negative"].append(hostile)
        if plan["runtime"] == "cuda" and place % 3 != 2:
            parts["benchmark"] = benchmark(dice, dice.randint(500, 5000))
    made = records.merged({"made_up": True}, host, parts, error, now)
    if place % 37 == 31:
        # Records of other versions, and files that somebody has edited.
        made.update(
            plan={"verdict": ["native"], "servers": "two", "reasons": {"a": 1}, "gpus": None},
            proof={"text": 1},
            benchmark=[1],
            gpu_info={"gpus": [None, 7, {"name": {"x": [None]}}], "driver": "550"},
            image="x",
        )
    return made


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("hosts", type=int)
    parser.add_argument("dir", type=Path)
    given = parser.parse_args()
    shutil.rmtree(given.dir, ignore_errors=True)
    dice, now = random.Random(1080), report.now()
    for place in range(given.hosts):
        made = record(place, dice, now)
        records.write(records.file_of(given.dir, made["host"]), records.as_json(made))
    begun = time.perf_counter()
    written = report.write_report(given.dir.absolute(), None, now)
    seconds = time.perf_counter() - begun
    size = Path(written.html).stat().st_size
    print(f"{written.hosts} made-up hosts, {written.problems} problems, {size / 1024:.0f} KiB in {seconds:.1f} s")
    print(f"report: {written.html}")


if __name__ == "__main__":
    main()
