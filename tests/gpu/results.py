"""The results of a run: kept as JSON after each step, and shown as rows of docs/tested-configurations.md.

    python3 tests/gpu/results.py docs

renders the page from the JSON files in docs/tested-configurations/.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FOLDER, PAGE = "tested-configurations", "tested-configurations.md"


class Results:
    def __init__(self, root: Path, name: str, machine: dict[str, Any]) -> None:
        self._root = root
        self._path = root / FOLDER / f"{name}.json"
        earlier = json.loads(self._path.read_text()) if self._path.exists() else {}
        # A run of some of the tests adds to what others of the same day found on the same machine.
        kept = earlier if all(earlier.get(key) == value for key, value in machine.items()) else {}
        self.content: dict[str, Any] = {"proof": [], "benchmark": {}, "servers_per_gpu": {}, **kept, **machine}
        self._counted: set[tuple[str, str]] = set()
        self.save()

    def add(self, **parts: Any) -> None:
        self.content.update(parts)
        self.save()

    def add_proof(self, case: str, **figures: Any) -> None:
        others = [proof for proof in self.content["proof"] if proof["case"] != case]
        self.content["proof"] = [*others, {"case": case, **figures}]
        self.save()

    def add_benchmark(self, model: str, **parts: Any) -> None:
        self.content["benchmark"].setdefault(model, {}).update(parts)
        self.save()

    def add_servers(self, model: str, row: dict[str, Any], part: str = "servers_per_gpu") -> None:
        rows = self.content.setdefault(part, {})
        if (part, model) not in self._counted:
            rows[model] = []
            self._counted.add((part, model))
        rows[model].append(row)
        self.save()

    def save(self) -> None:
        """Written beside and moved into place: a run that is cut off leaves what it had."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(self.content, indent=1) + "\n")
        partial.replace(self._path)
        render(self._root)


def render(root: Path) -> None:
    runs = [json.loads(path.read_text()) for path in sorted((root / FOLDER).glob("*.json"))]
    (root / PAGE).write_text(page(runs))


def page(runs: list[dict[str, Any]]) -> str:
    lines = [
        "# Tested configurations",
        "",
        "Written by `make gpu`, one JSON file in `tested-configurations/` for each run. Nothing here was estimated.",
        "",
        "Models: the published shapes and types with **random weights**, set to answer each 30 s window with 100",
        "tokens of text (`tests/gpu/random_model.py`). Speed is that of the shape; real",
        "speech takes more or fewer tokens. The proof ran with a model that transcribes",
        "(`tests/fixtures/smoke`).",
        "",
        *_table(
            "date, GPU, compute capability, driver, CUDA toolkit, whisper.cpp, plan, device code, proof",
            [_configuration(run) for run in runs],
        ),
    ]
    for run in runs:
        lines += ["", f"## {run['gpu']['name']}, driver {run['driver']}, {run['date']}", ""]
        lines += _speed(run) + _engine(run) + _servers(run) + _mps(run)
    return "\n".join(lines).rstrip() + "\n"


def _configuration(run: dict[str, Any]) -> list[Any]:
    proofs = run["proof"]
    right = sum(proof["as_expected"] for proof in proofs)
    code = run.get("device_code") or {}
    return [
        run["date"],
        run["gpu"]["name"],
        run["gpu"]["compute_capability"],
        run["driver"],
        run["toolkit"],
        run["whisper_cpp"],
        f"{run['plan']['verdict']}, {run['plan']['cmake_cuda_architectures']}",
        ", ".join(f"sm_{arch}" for arch in code.get("complete", [])) or "not reached",
        f"{right} of {len(proofs)} cases as expected" if proofs else "not reached",
    ]


def _speed(run: dict[str, Any]) -> list[str]:
    rows = []
    for model, figures in run["benchmark"].items():
        gpu = _run(figures.get("gpu"), "medium", 1)
        cpu = _run(figures.get("cpu"), "medium", 1)
        rows.append(
            [
                f"{model} (random weights)",
                _text(figures.get("load_seconds"), " s"),
                _text(figures.get("first_answer_seconds"), " s"),
                _spread(gpu),
                _text(gpu and round(1 / gpu["rtf"], 1), " x"),
                _spread(cpu),
                _text(cpu and round(1 / cpu["rtf"], 1), " x"),
                _text(gpu and cpu and round(cpu["median"] / gpu["median"], 1), " x"),
                _text(figures.get("gpu_memory_peak_mib"), " MiB"),
                _text(gpu and gpu["energy_j"] and round(gpu["energy_j"] / len(gpu["seconds"]), 1), " J"),
            ]
        )
    cores = f"{run['cores']} threads of {run['cpu']}"
    head = "model, load, first answer, GPU: 30 s of audio, speed, CPU: 30 s of audio, speed, GPU against CPU, "
    note = "Seconds are medians, with the least and the most of the run. Speed is audio seconds per second."
    return [f"CPU: {cores}. {note}", "", *_table(head + "GPU memory, energy per 30 s", rows), ""] if rows else []


def _engine(run: dict[str, Any]) -> list[str]:
    rows = []
    for model, figures in run["benchmark"].items():
        for label in ("gpu", "cpu"):
            engine = figures.get(f"{label}_engine")
            if engine:
                rows.append(
                    [
                        f"{model} (random weights)",
                        label.upper(),
                        f"{engine['encode_ms']} ms",
                        f"{engine['decode_ms_per_token']} ms",
                        f"{engine['batch_of_5_ms_per_token']} ms",
                        f"{engine['prompt_ms_per_token']} ms",
                    ]
                )
    head = "model, on, encode a window, decode a token, a token in batches of 5, a token of the prompt"
    return ["The engine's own limit (`whisper-bench`):", "", *_table(head, rows), ""] if rows else []


def _servers(run: dict[str, Any]) -> list[str]:
    rows = []
    for model, points in run["servers_per_gpu"].items():
        best = max(point["throughput"] for point in points)
        rows += [
            [
                f"{model} (random weights)",
                point["servers"],
                point["clients"],
                f"{point['throughput']} x" + (" (most)" if point["throughput"] == best else ""),
                f"{point['p50']} s",
                f"{point['p95']} s",
                _text(point["gpu_memory_peak_mib"], " MiB"),
                _text(point["utilization_mean_percent"], " %"),
            ]
            for point in points
        ]
    head = "model, servers, clients, throughput, p50, p95, GPU memory, GPU busy"
    note = "Servers on the one GPU, two clients each, 30 s of audio a request; throughput in audio seconds per second:"
    return [note, "", *_table(head, rows), ""] if rows else []


def _mps(run: dict[str, Any]) -> list[str]:
    rows = [
        [
            f"{model} (random weights)",
            point["servers"],
            "yes" if point["mps"] else "no",
            f"{point['throughput']} x",
            f"{point['p50']} s",
            _text(point["gpu_memory_peak_mib"], " MiB"),
            _text(point["utilization_mean_percent"], " %"),
        ]
        for model, points in run.get("servers_under_mps", {}).items()
        for point in points
    ]
    head = "model, servers, MPS, throughput, p50, GPU memory, GPU busy"
    note = "The same under NVIDIA's Multi-Process Service (MPS), and without in turns:"
    return [note, "", *_table(head, rows), ""] if rows else []


def _run(runs: Any, clip: str, clients: int) -> Any:
    return next((run for run in runs or [] if (run["clip"], run["clients"]) == (clip, clients)), None)


def _spread(run: Any) -> str:
    return "-" if not run else f"{run['median']:.3g} s ({run['minimum']:.3g} - {run['maximum']:.3g})"


def _text(value: Any, unit: str) -> str:
    return "-" if value is None else f"{value}{unit}"


def _table(head: str, rows: list[list[Any]]) -> list[str]:
    names = head.split(", ")
    lines = [names, ["---"] * len(names), *rows]
    return ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]


if __name__ == "__main__":
    render(Path(sys.argv[1]))
