"""The plan of the recorded cluster, and the options that the role has by default."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from ansible_collections.whisperops.gpu.plugins.plugin_utils._kubernetes.files import files
from ansible_collections.whisperops.gpu.plugins.plugin_utils._kubernetes.groups import ClusterPlanner, Placement
from ansible_collections.whisperops.gpu.plugins.plugin_utils._kubernetes.options import Options

ROOT = Path(__file__).parents[5]
sys.path.insert(0, str(ROOT / "tests" / "unit" / "plugins" / "module_utils" / "_kubernetes"))

from recorded_cluster import observed  # noqa: E402 - after the path

IMAGE = "whisperops/whisper.cpp:cuda12.4.1-61"
PULLED = "registry.example.com/whisper.cpp@sha256:" + "6" * 64
IMAGES = {IMAGE: PULLED}
DEFAULTS = {
    **yaml.safe_load((ROOT / "roles" / "whisper_kubernetes" / "defaults" / "main.yml").read_text("utf-8")),
    "whisper_kubernetes_prover_namespace": "whisper-prover",
    "whisper_kubernetes_switching": False,
    # As role whisper_gateway renders it.
    "whisper_kubernetes_gateway_rendered": {"files": {"haproxy.cfg": "global\n"}, "stop_seconds": 1980},
    "whisper_kubernetes_audio": str(ROOT / "tests" / "fixtures" / "smoke" / "clips" / "deploy.wav"),
}


def options(**given) -> Options:
    """Under the names of the variables, without the prefix of the role for its own."""
    own = {f"whisper_kubernetes_{name}": value for name, value in given.items() if not name.startswith("whisper_")}
    return Options.of({**DEFAULTS, **given, **own})


def rendered(plan=None, **given):
    return files(plan or planned(), options(**given), b"the program")


def planned(change=None, cluster=None, **arguments):
    of_policy = {name: arguments.pop(name) for name in ("policy", "catalogue") if name in arguments}
    placement = Placement(**{"images": IMAGES, **arguments})
    return ClusterPlanner(**of_policy, placement=placement).plan(cluster or observed(change=change))


def group(name, **arguments):
    return next(one for one in planned(**arguments)["groups"] if one["name"] == name)


def left_out(**arguments):
    return {one["node"]: one for one in planned(**arguments)["left_out"]}
