# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes each guard of guards.yml away, one at a time: the test of its fault passes with it, and must fail without it.

    python tests/guards/run.py SCENARIO [--only WORDS ...]

on lab hosts that the scenario has made ready (`molecule converge`) and that nothing else uses. The checkout stays as it
is: each guard is taken out of a copy. After each the scenario's converge.yml mends the hosts. Ends with 1 if a test
did not tell the one from the other. Why each failed is printed: read it.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
# Where a play of a scenario uses no list of refusals, all of its tasks are named.
LOOP = "Verify each failure"
A_HOST_FAILED = 2
# No status of a program.
NOT_DEPLOYED = 256


def copy_checkout(folder: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    collection = folder / ".collections/ansible_collections/whisperops/gpu"
    collection.parent.mkdir(parents=True)
    collection.symlink_to("../../..")


def tasks_of(tasks: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Every list of tasks below, blocks' own among them."""
    below = [task[part] for task in tasks for part in ("block", "rescue", "always") if part in task]
    return [tasks] + [found for part in below for found in tasks_of(part)]


def take_away(tree: Path, guard: dict[str, Any]) -> None:
    path = tree / guard["file"]
    text = path.read_text()
    if "text" in guard:
        if text.count(guard["text"]) != 1:
            raise SystemExit(
                f"{guard['file']}: {guard['text']!r} is there {text.count(guard['text'])} times instead of once"
            )
        path.write_text(text.replace(guard["text"], guard["instead"]))
        return
    content = yaml.safe_load(text)
    holders = [tasks for tasks in tasks_of(content) if any(task.get("name") == guard["task"] for task in tasks)]
    if len(holders) != 1:
        raise SystemExit(
            f"{guard['file']}: the task {guard['task']!r} is in {len(holders)} lists of tasks instead of one"
        )
    for task in [task for task in holders[0] if task.get("name") == guard["task"]]:
        if "key" in guard:
            del task[guard["key"]]
        else:
            holders[0].remove(task)
    path.write_text(yaml.safe_dump(content, sort_keys=False, width=1000))


def reduced(group: dict[str, Any], plays: list[dict[str, Any]], guard: dict[str, Any]) -> dict[str, Any]:
    """The play of the fault, with what the fault's test needs of it."""
    play: dict[str, Any] = next(play for play in plays if play.get("name") == group["play"])
    kept = {*group["always"], *guard.get("tasks", [LOOP])}
    missing = kept - {task["name"] for task in play["tasks"]}
    if "faults" in guard:
        missing |= set(guard["faults"]) - {refusal["bad"] for refusal in play["vars"]["refusals"]}
        play["vars"]["refusals"] = [
            refusal for refusal in play["vars"]["refusals"] if refusal["bad"] in guard["faults"]
        ]
    if missing:
        raise SystemExit(
            f"molecule/{group['scenario']}/verify.yml: the play {group['play']!r} has no {sorted(missing)}"
        )
    hosts = group.get("hosts", play["hosts"])
    return {**play, "hosts": hosts, "tasks": [task for task in play["tasks"] if task["name"] in kept]}


def play(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "ANSIBLE_CONFIG": str(tree / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "MOLECULE_EPHEMERAL_DIRECTORY": str(tree),
    }
    command = ["ansible-playbook", f"--inventory={tree}/inventories/lab", *arguments]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def run_in_copy(
    scenario: str, part: dict[str, Any], guard: dict[str, Any] | None = None, converge: str | None = None
) -> subprocess.CompletedProcess[str]:
    """One play of a scenario, in a copy of the checkout, without the guard if one is given.

    ``converge``: hosts that the copy is deployed to first.
    """
    with tempfile.TemporaryDirectory(prefix="without-guard-") as folder:
        tree = Path(folder)
        copy_checkout(tree)
        if guard:
            take_away(tree, guard)
        one = tree / "molecule" / scenario / "one.yml"
        one.write_text(yaml.safe_dump([part], sort_keys=False, width=1000))
        if converge:
            deployed = play(tree, f"molecule/{scenario}/converge.yml", f"--limit={converge}")
            if deployed.returncode:
                return subprocess.CompletedProcess(deployed.args, NOT_DEPLOYED, deployed.stdout, deployed.stderr)
        return play(tree, str(one))


def why(done: subprocess.CompletedProcess[str]) -> str:
    said = re.findall(r"(?ms)^\[ERROR\]: (.*?)^Origin: ", done.stdout + done.stderr)
    return re.sub(r"[\s*]+", " ", (said or [done.stdout])[-1])[-600:]


def needs(part: dict[str, Any], guard: dict[str, Any], scenario: str, converge: str | None) -> bool:
    """Whether the test passes with the guard, and fails without it."""
    begun = time.monotonic()
    kept = run_in_copy(scenario, part)
    done = run_in_copy(scenario, part, guard, converge) if kept.returncode == 0 else kept
    failed = done.returncode == A_HOST_FAILED and "unreachable=1" not in done.stdout
    verdict = "fails" if failed else "PASSES"
    if done is kept:
        verdict, failed = "FAILS WITH IT", False
    elif done.returncode == NOT_DEPLOYED:
        verdict = "IS NOT DEPLOYED WITHOUT IT"
    print(f"{named(guard)} ({time.monotonic() - begun:.0f} s): {verdict}: {why(done)}", flush=True)
    return failed


def named(guard: dict[str, Any]) -> str:
    tested = "; ".join(guard.get("faults") or guard["tasks"][-1:])
    return f"{tested}, without {guard.get('task') or guard['text'].strip()!r}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario")
    parser.add_argument("--only", nargs="+", default=[""], help="guards with one of these in their fault or task")
    arguments = parser.parse_args()
    verify = (ROOT / "molecule" / arguments.scenario / "verify.yml").read_text()
    tried = wrong = 0
    for group in yaml.safe_load((HERE / "guards.yml").read_text()):
        guards = [guard for guard in group["guards"] if any(words in named(guard) for words in arguments.only)]
        if group["scenario"] != arguments.scenario or not guards:
            continue
        if "before" in group:
            ready = next(part for part in yaml.safe_load(verify) if part.get("name") == group["before"])
            done = run_in_copy(arguments.scenario, ready)
            if done.returncode:
                raise SystemExit(f"{group['before']}: {why(done)}")
        for guard in guards:
            part = reduced(group, yaml.safe_load(verify), guard)
            tried += 1
            wrong += not needs(part, guard, arguments.scenario, group.get("converge"))
            mend(group.get("converge", part["hosts"]), arguments.scenario)
    if not tried:
        raise SystemExit(f"guards.yml has no such guard for the scenario {arguments.scenario}")
    print(f"{tried} guards taken away: {wrong} of their tests did not tell")
    return 1 if wrong else 0


def mend(hosts: str, scenario: str) -> None:
    """What a run without a guard has left: a mark of another run, a server that should not be."""
    inventory = f"--inventory={ROOT}/inventories/lab"
    unmark = ["ansible", hosts, inventory, "--module-name=file", "--args=path=/run/whisperops.lock state=absent"]
    subprocess.run(unmark, cwd=ROOT, capture_output=True, check=True)
    done = play(ROOT, f"molecule/{scenario}/converge.yml", f"--limit={hosts}")
    if done.returncode:
        raise SystemExit(f"{hosts} cannot be brought back: {why(done)}")


if __name__ == "__main__":
    sys.exit(main())
