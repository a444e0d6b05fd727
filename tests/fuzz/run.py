"""Fuzzes each parser for some seconds, and says how many executions that were. Any finding fails.

python tests/fuzz/run.py [--seconds 20] [fatbin nvidia_smi docker_engine]
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

PARSERS = tuple(sorted(path.stem[len("fuzz_") :] for path in Path(__file__).parent.glob("fuzz_*.py")))
FOUND = Path(__file__).resolve().parents[2] / ".cache" / "fuzz"
# Importing under instrumentation and reading the corpus come on top of the time box.
ALLOWANCE_SECONDS = 60


def fuzz(parser: str, seconds: int) -> bool:
    """Whether it came through: its output is kept, and shown where something was found."""
    place = FOUND / parser
    place.mkdir(parents=True, exist_ok=True)
    before = set(place.glob("finding-*"))
    script = Path(__file__).with_name(f"fuzz_{parser}.py")
    command = [sys.executable, str(script), "--seconds", str(seconds)]
    with (place / "log").open("w+", encoding="utf-8", errors="replace") as log:
        try:
            status: int | str = subprocess.run(
                command, stdout=log, stderr=log, check=False, timeout=seconds + ALLOWANCE_SECONDS
            ).returncode
        except subprocess.TimeoutExpired:
            status = "it did not end in its time"
        log.seek(0)
        said = log.read()
    executed = re.search(r"stat::number_of_executed_units:\s*([0-9]+)", said)
    findings = sorted(set(place.glob("finding-*")) - before)
    if status == 0 and executed and not findings:
        print(f"{parser}: {executed.group(1)} executions in {seconds} seconds, no finding", flush=True)
        return True
    print(said[-6000:])
    print(f"{parser}: FAILED ({status}) after {executed.group(1) if executed else 'an unknown number of'} executions")
    for finding in findings:
        print(f"Run it again: {sys.executable} {script} --input {finding}")
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("parsers", nargs="*", default=PARSERS, metavar="PARSER", help=", ".join(PARSERS))
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.parsers) - set(PARSERS))
    if unknown:
        parser.error(f"unknown parser {', '.join(unknown)}; allowed: {', '.join(PARSERS)}")
    came_through = [fuzz(name, arguments.seconds) for name in arguments.parsers]
    sys.exit(0 if all(came_through) else 1)


if __name__ == "__main__":
    main()
