# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes each guard of unit.yml away, one at a time: the unit tests of its fault pass with it, and must fail without it.

    python tests/guards/unit.py [--only WORDS ...]

No lab is needed. The checkout stays as it is: guards are taken out of copies, one for each of two processors. Ends with
1 if tests did not tell the one from the other. Which test failed, and by what, is printed: read it.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))
from run import HERE, copy_checkout, take_away  # beside this file

AT_ONCE = 2
UNIT = "tests/unit"
# Without the end of a loop or a limit, a test would take all time and memory there is.
SECONDS = 60
BYTES = 4 << 30
# Limits hold for what the tests start, too.
LIMITED = (
    "import resource, sys, pytest;"
    "resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])));"
    "sys.exit(pytest.main(sys.argv[2:]))"
)


class Ended(NamedTuple):
    """``rc`` is None where the tests had not ended after SECONDS."""

    rc: int | None
    said: str


def guards(path: Path = HERE / "unit.yml") -> list[dict[str, Any]]:
    """Each guard with the point that it belongs to."""
    groups = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [{"point": group["point"], **guard} for group in groups for guard in group["guards"]]


def named(guard: dict[str, Any]) -> str:
    return f"{guard['point']}: {guard['fault']}"


def tests_of(guard: dict[str, Any]) -> list[str]:
    return [f"{UNIT}/{test}" for test in guard["tests"]]


def run_tests(tree: Path, tests: list[str], *options: str, seconds: float | None = None) -> Ended:
    command = [sys.executable, "-c", LIMITED, str(BYTES), "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider"]
    with subprocess.Popen(
        [*command, *options, *tests],
        cwd=tree,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            said, _none = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            # With all that the tests have started.
            os.killpg(process.pid, signal.SIGKILL)
            return Ended(None, process.communicate()[0])
    return Ended(process.returncode, said)


def told(ended: Ended) -> tuple[bool, str]:
    """Whether a test failed, and which, and by what. A fixture or an import that breaks is no failed test."""
    if ended.rc is None:
        return True, f"fails: not ended after {SECONDS} s"
    failed = re.findall(r"(?m)^FAILED (.*)$", ended.said)
    if ended.rc == 1 and failed:
        return True, f"fails: {failed[0].removeprefix(f'{UNIT}/')[:300]}"
    if ended.rc == 0:
        return False, "PASSES"
    return False, f"NO TEST FAILED: {' '.join(ended.said.split())[-600:]}"


def broken(path: Path) -> str | None:
    """What is no program or no YAML without the guard would fail any test."""
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix == ".py":
            compile(text, str(path), "exec")
        elif path.suffix in (".yml", ".yaml"):
            yaml.safe_load(text)
    except (SyntaxError, yaml.YAMLError) as error:
        return f"{path.name} cannot be read without the guard: {error}"
    return None


def without(tree: Path, guard: dict[str, Any]) -> tuple[bool, str]:
    """What the tests say in a copy of the checkout, there without the guard. The copy is then as it was."""
    path = tree / guard["file"]
    kept = path.with_name(f"{path.name}.kept")
    shutil.copy2(path, kept)
    try:
        take_away(tree, guard)
        fault = broken(path)
        return (False, fault) if fault else told(run_tests(tree, tests_of(guard), "-x", "-rf", seconds=SECONDS))
    finally:
        # With its time: what Python has compiled of it holds again.
        kept.replace(path)


def check(trees: queue.SimpleQueue[Path], guard: dict[str, Any]) -> bool:
    tree = trees.get()
    begun = time.monotonic()
    try:
        failed, said = without(tree, guard)
    finally:
        trees.put(tree)
    print(f"{named(guard)} ({time.monotonic() - begun:.0f} s): {said}", flush=True)
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[""], help="guards with one of these words in point or fault")
    words = parser.parse_args().only
    chosen = [guard for guard in guards() if any(word in named(guard) for word in words)]
    if not chosen:
        raise SystemExit("unit.yml has no such guard")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="without-guard-") as folder:
        trees: queue.SimpleQueue[Path] = queue.SimpleQueue()
        first = Path(folder) / "0"
        copy_checkout(first)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        kept = run_tests(first, sorted({test for guard in chosen for test in tests_of(guard)}), "-rfEs")
        if kept.rc != 0:
            raise SystemExit(f"With every guard in its place, these tests do not pass:\n{kept.said}")
        print(f"With every guard in its place ({time.monotonic() - begun:.0f} s): {kept.said.strip()}", flush=True)
        trees.put(first)
        for number in range(1, AT_ONCE):
            shutil.copytree(first, Path(folder) / str(number), symlinks=True)
            trees.put(Path(folder) / str(number))
        # A copy compiled without a guard may be as long as the next, and of the same second.
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            results = list(pool.map(lambda guard: check(trees, guard), chosen))
    wrong = results.count(False)
    print(f"{len(results)} guards taken away in {time.monotonic() - begun:.0f} s: {wrong} of their tests did not tell")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
