# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run that changes nothing costs, next to the same by hand and to Ansible's own least, in turns.

    make demo; python tests/bench/unchanged/run.py [--rounds 3] [--hosts 40] [--with-role]
    python tests/bench/unchanged/run.py --local

CPU seconds are those of the control node, user and system, of ansible-playbook and all its children (ssh too). The
hosts of the fleet are the lab's one host under many names. With --local they are this machine, without ssh: plan.yml
next to ping, for which nothing has to be installed. There the modules' own CPU counts as the control node's.

The stack by hand is what a deployment needs at least. With --with-role it is compared as most people have it, too, with
the role geerlingguy.docker (ansible-galaxy role install geerlingguy.docker).

The check run of a fleet in which one host has another port is held to the run without: the other hosts run the same
tasks, counted in the recap, and the difference in CPU is what the one host costs.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Mapping, NamedTuple, Sequence

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
RECAP = re.compile(r"^(\S+) +: (ok=\d+) .*?(skipped=\d+)", re.MULTILINE)
CHANGED = "fleet-00"
OTHER_PORT = 8090
SITE, BY_HAND, WITH_ROLE = "site.yml, unchanged", "by hand, unchanged", "by hand with a role"
PING, PLAN = "ping, the fleet", "plan.yml, the fleet"
CHECK, PORT = "site.yml --check, the fleet", "the same, one other port"


class Cost(NamedTuple):
    cpu_seconds: float
    wall_seconds: float


class Run(NamedTuple):
    cost: Cost
    # Host → how many of its tasks ran, and how many were skipped.
    tasks: dict[str, tuple[str, str]]


def run(command: list[str], environment: dict[str, str]) -> Run:
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    changed = [line for line in done.stdout.splitlines() if "changed=" in line and "changed=0" not in line]
    if changed and "site.yml" in command[1] and "--check" not in command:
        sys.exit(f"{' '.join(command)} was to change nothing: {changed}")
    tasks = {host: (ran, skipped) for host, ran, skipped in RECAP.findall(done.stdout)}
    return Run(Cost(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall), tasks)


def fleet(hosts: int, local: bool = False, other_port: bool = False) -> Path:
    """One host under many names, as deep in the checkout as the inventory that the demo's variables count from."""
    inventory = ROOT / ".cache" / "bench" / f"fleet{'-port' if other_port else ''}.yml"
    inventory.parent.mkdir(parents=True, exist_ok=True)
    if local:
        reached = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False}
        reached["whisper_plan_become"] = False
    else:
        reached = {"ansible_host": "{{ lab_subnet }}.10"}
    names: dict[str, dict[str, Any]] = {f"fleet-{number:02}": dict(reached) for number in range(hosts)}
    if other_port:
        policy = yaml.safe_load((ROOT / "inventories/lab/group_vars/demo.yml").read_text(encoding="utf-8"))
        names[CHANGED]["whisper_policy"] = {**policy["whisper_policy"], "first_port": OTHER_PORT}
    groups: dict[str, Any] = {"whisper": {"children": {"bench_fleet": {"hosts": names}}}}
    if not local:
        groups["demo"] = {"children": {"bench_fleet": {}}}
    inventory.write_text(yaml.safe_dump(groups), encoding="utf-8")
    return inventory


def compared(hosts: int) -> dict[str, list[str]]:
    """What a lab measures, by its name."""
    many = ["-i", "inventories/lab", "-i", str(fleet(hosts))]
    with_other_port = ["-i", "inventories/lab", "-i", str(fleet(hosts, other_port=True))]
    one = ["-i", "inventories/lab", "--limit", "demo"]
    check = ["ansible-playbook", "site.yml", "--check", "--limit", "bench_fleet"]
    return {
        SITE: ["ansible-playbook", "site.yml", *one],
        BY_HAND: ["ansible-playbook", str(HERE / "by_hand.yml"), *one],
        WITH_ROLE: ["ansible-playbook", str(HERE / "by_hand_with_role.yml"), *one],
        "ping, 1 host": ["ansible", "demo", "-i", "inventories/lab", "-m", "ping"],
        "plan.yml, 1 host": ["ansible-playbook", "playbooks/plan.yml", *one],
        PING: ["ansible", "bench_fleet", *many, "-m", "ping"],
        PLAN: ["ansible-playbook", "playbooks/plan.yml", *many, "--limit", "bench_fleet"],
        CHECK: [*check, *many],
        PORT: [*check, *with_other_port],
    }


def compared_locally(hosts: int) -> dict[str, list[str]]:
    many = ["-i", str(fleet(hosts, local=True))]
    return {
        PING: ["ansible", "bench_fleet", *many, "-m", "ping"],
        PLAN: ["ansible-playbook", "playbooks/plan.yml", *many],
    }


def image_of_the_demo() -> str:
    ask = ["ansible", "demo", "-i", "inventories/lab", "-b", "-m", "command", "-a", "docker inspect whisper-server-0"]
    answer = subprocess.run(ask, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return str(json.loads(answer[answer.index("[\n") :])[0]["Config"]["Image"])


def show(runs: Mapping[str, Sequence[Run]], hosts: int) -> None:
    medians = {name: Cost(*map(statistics.median, zip(*(one.cost for one in found)))) for name, found in runs.items()}
    print(f"{'median':28} {'CPU s':>8} {'wall s':>8}")
    for name, (cpu, wall) in medians.items():
        print(f"{name:28} {cpu:8.2f} {wall:8.2f}")
    for name, base in ((SITE, BY_HAND), (SITE, WITH_ROLE), (PLAN, PING), (PORT, CHECK)):
        if name in medians and base in medians:
            cpu, wall = (mine / theirs for mine, theirs in zip(medians[name], medians[base]))
            each = f", {medians[name].cpu_seconds / hosts:.2f} CPU s a host" if name != SITE else ""
            print(f"{name} / {base}: {cpu:.2f} x CPU, {wall:.2f} x wall{each}")
    if PORT in runs:
        before, after = (runs[name][-1].tasks for name in (CHECK, PORT))
        others = {host for host in before if host != CHANGED and before[host] != after.get(host)}
        print(f"hosts with another number of tasks because {CHANGED} has another port: {sorted(others) or 'none'}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--hosts", type=int, default=40, help="of the fleet")
    arguments.add_argument("--with-role", action="store_true", help="needs the role geerlingguy.docker")
    arguments.add_argument(
        "--local", action="store_true", help="this machine, without ssh: plan.yml next to ping alone"
    )
    given = arguments.parse_args()
    # One host under many names is one connection, and sshd allows ten sessions in each.
    environment = {**os.environ, "ANSIBLE_FORKS": "8"}
    if given.local:
        commands = compared_locally(given.hosts)
    else:
        environment["BENCH_IMAGE"] = image_of_the_demo()
        commands = compared(given.hosts)
        if not given.with_role:
            del commands[WITH_ROLE]
    # The first of each makes ready what the later ones find, the container of by_hand.yml above all.
    for command in commands.values():
        run(command, environment)
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _round in range(given.rounds):
        for name, command in commands.items():
            runs[name].append(run(command, environment))
    show(runs, given.hosts)


if __name__ == "__main__":
    main()
