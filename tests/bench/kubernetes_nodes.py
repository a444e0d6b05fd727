# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A large cluster: seconds of a run, and whether the scheduler has put each group's pods on its own nodes alone.

API server, controllers and scheduler are real. KWOK stands for the kubelets: it says that pods run, and none does.

PATH=.venv/bin:$PATH python tests/bench/kubernetes_nodes.py [--nodes 330]
"""

from __future__ import annotations

import argparse
import copy
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "kubernetes")]

from conftest import player  # noqa: E402 - after the path
from control_plane import PROGRAM, ControlPlane  # noqa: E402 - after the path
from sample_cluster import NODES, NVIDIA  # noqa: E402 - after the path
from variables import LOCAL  # noqa: E402 - after the path

KINDS = ("gtx-1", "t4-new", "a100-1", "h100-580", "mig-single", "shared-1", "k80-1", "cpu-1")
INSTANCE = "app.kubernetes.io/instance"
PODS = "/api/v1/namespaces/whisper/pods?labelSelector=app.kubernetes.io/name=whisper-server"


class LargeCluster(ControlPlane):
    def start_controllers(self) -> None:
        user = f"--kubeconfig={self.kubeconfig('admin')}"
        self._start("kube-controller-manager", user, "--leader-elect=false")
        self._start("kube-scheduler", user, "--leader-elect=false")
        stages = [f"--config={path}" for path in sorted(PROGRAM.parent.glob("stages/*.yaml"))]
        kwok = [PROGRAM.with_name("kwok"), user, "--manage-all-nodes=true", "--node-lease-duration-seconds=40"]
        log = (self.directory / "kwok.log").open("wb")
        self._running.append(subprocess.Popen([*kwok, "--cidr=10.128.0.0/9", *stages], stdout=log, stderr=log))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--nodes", type=int, default=330)
    count = arguments.parse_args().nodes
    subprocess.run([ROOT / "tests" / "kubernetes" / "build", "scale"], check=True)
    with tempfile.TemporaryDirectory() as directory:
        plane = LargeCluster(Path(directory))
        try:
            plane.start_controllers()
            nodes = of_kinds(count)
            for node in nodes:
                plane.create(node)
            for run in ("first run", "second run"):
                began = time.monotonic()
                changed = play(plane, Path(directory))
                print(f"{run}: {count} nodes, {time.monotonic() - began:.0f} s, {changed} changed")
            wrong = strays(plane.request("GET", PODS)["items"], nodes)
            if changed:
                wrong.append(f"the second run has changed something: {changed} tasks")
        finally:
            plane.stop()
    if wrong:
        sys.exit("\n".join(wrong))


def of_kinds(count: int) -> list[dict[str, Any]]:
    recorded = {node["metadata"]["name"]: node for node in NODES}
    found = []
    for number in range(count):
        one = copy.deepcopy(recorded[KINDS[number % len(KINDS)]])
        name = f"{one['metadata']['name']}-{number}"
        one["metadata"].update(name=name, labels={**one["metadata"]["labels"], "kubernetes.io/hostname": name})
        found.append(one)
    return found


def play(plane: ControlPlane, directory: Path) -> int:
    """How many tasks have changed something."""
    given = {
        "whisper_kubernetes_apply": True,
        "whisper_kubernetes_images": LOCAL,
        "whisper_kubernetes_wait_seconds": 1200,
    }
    done = player(plane, directory)("admin", **given)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return sum(int(number) for number in re.findall(r"changed=(\d+)", done.stdout))


def strays(pods: list[dict[str, Any]], nodes: list[dict[str, Any]]) -> list[str]:
    """Pods that do not run, or that run where the GPU is another than the group's image is for."""
    kinds = {node["metadata"]["name"]: kind(node["metadata"]["labels"]) for node in nodes}
    found = []
    for pod in pods:
        name, group, node = pod["metadata"]["name"], pod["metadata"]["labels"][INSTANCE], pod["spec"].get("nodeName")
        if pod["status"]["phase"] != "Running" or not node:
            found.append(f"{name} does not run")
        elif not re.fullmatch(rf"whisper-{kinds[node]}(-.*)?", group):
            found.append(f"{name} of {group} runs on {node}")
    for group, count in sorted(Counter(pod["metadata"]["labels"][INSTANCE] for pod in pods).items()):
        print(f"{group:<40}{count:>6} pods")
    return found or ([] if pods else ["there are no pods"])


def kind(labels: dict[str, str]) -> str:
    def value(name: str) -> str:
        return labels.get(NVIDIA + name, "")

    if not value("gpu.present"):
        return "cpu"
    branch = value("cuda.driver-version.major")
    return f"cc{value('gpu.compute.major')}{value('gpu.compute.minor')}-d{branch}"


if __name__ == "__main__":
    main()
