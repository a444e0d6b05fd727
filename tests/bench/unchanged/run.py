# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run that changes nothing costs, next to the same by hand and to Ansible's own least, in turns.

    make demo; python tests/bench/unchanged/run.py [--rounds 3]

CPU seconds are those of the control node, user and system, of ansible-playbook and all its children (ssh too). The
hosts of the fleet are the lab's one host under 40 names.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
HOSTS = 40


class Cost(NamedTuple):
    cpu_seconds: float
    wall_seconds: float


def cost(command: list[str], environment: dict[str, str]) -> Cost:
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    changed = [line for line in done.stdout.splitlines() if "changed=" in line and "changed=0" not in line]
    if changed and "site.yml" in command[1]:
        sys.exit(f"{' '.join(command)} was to change nothing: {changed}")
    return Cost(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall)


def fleet() -> Path:
    """The demo's host under many names, as deep in the checkout as the inventory that its variables count from."""
    inventory = ROOT / ".cache" / "bench" / "fleet.yml"
    inventory.parent.mkdir(parents=True, exist_ok=True)
    names = "".join(
        f"        fleet-{number:02}: {{ansible_host: '{{{{ lab_subnet }}}}.10'}}\n" for number in range(HOSTS)
    )
    inventory.write_text(f"whisper:\n  children:\n    bench_fleet:\n      hosts:\n{names}", encoding="utf-8")
    return inventory


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=3)
    rounds = arguments.parse_args().rounds
    ask = ["ansible", "demo", "-i", "inventories/lab", "-b", "-m", "command", "-a", "docker inspect whisper-server-0"]
    answer = subprocess.run(ask, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    image = json.loads(answer[answer.index("[\n") :])[0]["Config"]["Image"]
    # One host under many names is one connection, and sshd allows ten sessions in each.
    environment = {**os.environ, "BENCH_IMAGE": image, "ANSIBLE_FORKS": "8"}
    many = ["-i", "inventories/lab", "-i", str(fleet())]
    one = ["-i", "inventories/lab", "--limit", "demo"]
    commands = {
        "site.yml, unchanged": ["ansible-playbook", "site.yml", *one],
        "by hand, unchanged": ["ansible-playbook", str(HERE / "by_hand.yml"), *one],
        "ping, 1 host": ["ansible", "demo", "-i", "inventories/lab", "-m", "ping"],
        "plan.yml, 1 host": ["ansible-playbook", "playbooks/plan.yml", *one],
        f"ping, {HOSTS} hosts": ["ansible", "bench_fleet", *many, "-m", "ping"],
        f"plan.yml, {HOSTS} hosts": ["ansible-playbook", "playbooks/plan.yml", *many, "--limit", "bench_fleet"],
    }
    # The first of each makes ready what the later ones find, the container of by_hand.yml above all.
    for command in commands.values():
        cost(command, environment)
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _round in range(rounds):
        for name, command in commands.items():
            costs[name].append(cost(command, environment))
    medians = {name: Cost(*map(statistics.median, zip(*found))) for name, found in costs.items()}
    print(f"{'median of ' + str(rounds):28} {'CPU s':>8} {'wall s':>8}")
    for name, (cpu, wall) in medians.items():
        print(f"{name:28} {cpu:8.2f} {wall:8.2f}")
    for name, base, hosts in (
        ("site.yml, unchanged", "by hand, unchanged", 1),
        (f"plan.yml, {HOSTS} hosts", f"ping, {HOSTS} hosts", HOSTS),
    ):
        cpu, wall = (mine / theirs for mine, theirs in zip(medians[name], medians[base]))
        each = f", {medians[name].cpu_seconds / hosts:.2f} CPU s a host" if hosts > 1 else ""
        print(f"{name} / {base}: {cpu:.2f} x CPU, {wall:.2f} x wall{each}")


if __name__ == "__main__":
    main()
