"""What the fuzzers share: where they keep what they found, and how they start."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Callable, Iterable

import atheris

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
MODULE_UTILS = "ansible_collections.whisperops.gpu.plugins.module_utils"
sys.path.insert(0, str(ROOT / ".collections"))


def fuzz(
    name: str,
    one_input: Callable[[bytes], None],
    seeds: Iterable[bytes],
    max_length: int,
    mutate: Callable[[bytes, int, int], bytes] | None = None,
) -> None:
    """An exception, or an input that takes more than 10 seconds, ends it with a non-zero status.

    The input is left in .cache/fuzz/NAME/finding-*; what was found to be interesting stays there for the next run.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--input", type=Path, help="run this one input again, such as a finding")
    arguments = parser.parse_args()
    if arguments.input:
        one_input(arguments.input.read_bytes())
        return
    place = ROOT / ".cache" / "fuzz" / name
    for folder in ("corpus", "seeds"):
        (place / folder).mkdir(parents=True, exist_ok=True)
    for old in (place / "seeds").iterdir():
        old.unlink()
    for number, seed in enumerate(seeds):
        (place / "seeds" / f"{number:03}").write_bytes(seed)
    options = [
        f"-max_total_time={arguments.seconds}",
        "-timeout=10",
        f"-max_len={max_length}",
        "-print_final_stats=1",
        f"-artifact_prefix={place}/finding-",
    ]
    extra = {"custom_mutator": mutate} if mutate else {}
    atheris.Setup([sys.argv[0], *options, str(place / "corpus"), str(place / "seeds")], one_input, **extra)
    atheris.Fuzz()
