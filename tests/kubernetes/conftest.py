"""The API server with the sample cluster, once for all tests, and a run of the playbook against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping

import pytest
import yaml
from ansible.utils.collection_loader import _collection_finder as finder

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))
if not any(isinstance(entry, finder._AnsibleCollectionFinder) for entry in sys.meta_path):
    finder._AnsibleCollectionFinder(paths=[str(ROOT / ".collections")])._install()

from control_plane import ControlPlane  # noqa: E402 - after the path
from sample_cluster import OBJECTS  # noqa: E402 - after the path

GUIDE = ROOT / "docs" / "kubernetes.md"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "night: applies objects, often more than once; takes minutes")


def read_only_role() -> dict[str, Any]:
    """As the guide tells people to make it."""
    blocks = GUIDE.read_text("utf-8").split("```yaml\n")[1:]
    documents = [one for block in blocks for one in yaml.safe_load_all(block.split("```")[0])]
    return next(one for one in documents if isinstance(one, dict) and one.get("kind") == "ClusterRole")


def bound(role: dict[str, Any], user: str) -> list[dict[str, Any]]:
    name = role["metadata"]["name"]
    api = "rbac.authorization.k8s.io"
    return [
        role,
        {
            "apiVersion": f"{api}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "User", "apiGroup": api, "name": user}],
        },
    ]


NODES_ALONE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "nodes-alone"},
    "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}],
}


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    plane = ControlPlane(tmp_path_factory.mktemp("control_plane"))
    try:
        for thing in [*OBJECTS, *bound(read_only_role(), "reader"), *bound(NODES_ALONE, "narrow")]:
            plane.create(thing)
        yield plane
    finally:
        plane.stop()


Play = Callable[..., "subprocess.CompletedProcess[str]"]


def player(cluster: ControlPlane, directory: Path) -> Play:
    """Runs a playbook as a user of the API server; what it renders is below the directory."""

    def run(
        user: str,
        *arguments: str,
        playbook: str = "playbooks/kubernetes.yml",
        environment: Mapping[str, str] | None = None,
        **variables: Any,
    ) -> subprocess.CompletedProcess[str]:
        # No controller makes pods here: nothing would be proven.
        given = {"whisper_report_dir": str(directory), "whisper_kubernetes_wait_seconds": 0, **variables}
        inventory = directory / "hosts.json"
        inventory.write_text(json.dumps({"kubernetes": {"hosts": {"speech": given}}}), "utf-8")
        command = ["ansible-playbook", str(ROOT / playbook), "--inventory", str(inventory), *arguments]
        own = {"ANSIBLE_NOCOLOR": "1", "KUBECONFIG": str(cluster.kubeconfig(user)), **(environment or {})}
        return subprocess.run(command, cwd=ROOT, env={**os.environ, **own}, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def play(cluster: ControlPlane, tmp_path: Path) -> Play:
    return player(cluster, tmp_path)


@pytest.fixture(scope="session")
def play_once(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> tuple[Play, Path]:
    """For objects that several tests look at."""
    directory = tmp_path_factory.mktemp("once")
    return player(cluster, directory), directory
