# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU seconds from the API's answers to groups: the recorded cluster's nodes under as many names, few next to many.

python tests/bench/kubernetes_plan.py [--nodes 330 3000] [--runs 5]
"""

from __future__ import annotations

import argparse
import copy
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [
    str(ROOT / ".collections"),
    str(ROOT / "tests" / "unit" / "plugins" / "plugin_utils" / "_kubernetes"),
]

from planned_cluster import observed, planned  # noqa: E402 - after the path


def multiplied(nodes: int, items: dict[str, Any]) -> None:
    recorded = items["v1 Node"]
    items["v1 Node"] = [copy.deepcopy(recorded[number % len(recorded)]) for number in range(nodes)]
    for number, node in enumerate(items["v1 Node"]):
        # What names a node of the recorded cluster, such as pods and slices, stays with the first of each.
        if number >= len(recorded):
            node["metadata"]["name"] += f"-{number}"


def seconds(nodes: int) -> tuple[float, int]:
    begun = time.process_time()
    plan = planned(cluster=observed(change=lambda items: multiplied(nodes, items)))
    return time.process_time() - begun, len(plan["groups"])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--nodes", type=int, nargs=2, default=[330, 3000])
    arguments.add_argument("--runs", type=int, default=5)
    given = arguments.parse_args()
    medians = []
    for nodes in given.nodes:
        runs = [seconds(nodes) for _run in range(given.runs)]
        medians.append(statistics.median(spent for spent, _groups in runs))
        print(f"{nodes} nodes: {runs[0][1]} groups in {medians[-1]:.2f} CPU s")
    (few, many), (cost, more) = given.nodes, medians
    print(f"a node of {many} / a node of {few}: {more / many / (cost / few):.2f} x CPU")


if __name__ == "__main__":
    main()
