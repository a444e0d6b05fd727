# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a cluster: groups of GPUs that one image serves, by `deployment_plan` as it is.

A group is one compute capability, one driver branch and one image. Nodes with the same facts are planned once.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, Mapping, NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.labels import GPU
from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.slices import DRIVER_NAME
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.driver_support import DEAD_END_REMEDY
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.model_files import unsupported
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.plan import deployment_plan
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError, read_policy

from .affinity import arch_terms, gpu_terms
from .nodes import GPU_TOLERATION, LeftOut, free_gpus, left_out, product

# What a policy says of a host and its ports has no meaning where pods get any GPU of a kind, and a port each.
_PER_POD = {"gpus": "all", "instances_per_gpu": 1, "first_port": 8080}


class Placement(NamedTuple):
    """Where pods run, and from which image."""

    # From the image of a plan to the reference that the cluster's nodes pull in its place.
    images: Mapping[str, str] = {}
    # Beside that of the taint nvidia.com/gpu.
    tolerations: Iterable[Mapping[str, Any]] = ()
    # Of each group; 0: as many as there are free GPUs.
    max_servers: int = 0
    # To which images are pushed that a host of the inventory builds; empty: none builds.
    registry: str = ""


class ClusterPlanner:
    def __init__(
        self, policy: Mapping[str, Any] | None = None, catalogue: Any = None, placement: Placement | None = None
    ) -> None:
        placement = placement or Placement()
        self._policy = dict(policy or {})
        if self._policy.get("models") is not None:
            raise PlanInputError(str(unsupported("Kubernetes, where a group has one model")))
        self._allow_cpu = read_policy({**self._policy, **_PER_POD}).allow_cpu
        self._catalogue = catalogue
        self._images = placement.images
        self._tolerations = [GPU_TOLERATION, *placement.tolerations]
        self._max_servers = placement.max_servers
        self._registry = placement.registry
        self._plans: dict[str, dict[str, Any]] = {}

    def plan(self, cluster: Mapping[str, Any]) -> dict[str, Any]:
        members: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        out: list[LeftOut] = []
        on_cpu = self._allow_cpu == "always" or (
            self._allow_cpu == "auto" and not any(node["gpu"]["gpu_present"] for node in cluster["nodes"])
        )
        for node in sorted(cluster["nodes"], key=lambda node: str(node["name"])):
            if not node["gpu"]["gpu_present"] and not on_cpu:
                out.append(LeftOut(node["name"], "no_gpu", "It has no NVIDIA GPU, and the GPU nodes serve."))
                continue
            why = left_out(node, self._tolerations)
            plan = None if why else self._plan_of(node)
            if plan and plan["verdict"] == "impossible":
                # The CPU is no way out here: it is for nodes without a GPU.
                reason = " ".join(plan["reasons"]).replace(DEAD_END_REMEDY, "Use a newer GPU.")
                why = LeftOut(node["name"], "plan_impossible", reason, product(node))
            if why or plan is None:
                out += [why] if why else []
                continue
            for key, part in _parts(node, plan):
                members.setdefault(key, []).append(part)
        groups = [self._group(name, found, cluster["nodes"]) for name, found in sorted(_named(members).items())]
        pulled = [group for group in groups if group["image"]]
        planned = {group["name"] for group in pulled}
        out += [_not_in_registry(group, node) for group in groups if not group["image"] for node in group["nodes"]]
        return {
            "groups": pulled,
            "earlier": [one for one in cluster.get("deployments") or () if one["name"] not in planned],
            "left_out": [one.as_dict() for one in out],
            "builds": self._builds(members),
            "tolerations": self._tolerations,
            "warnings": sorted({f"{one['message']} {one['follows']}" for one in cluster.get("unseen") or ()}),
        }

    def _builds(self, members: Mapping[Any, list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """What a host of the inventory is to build: each image once, by the plan of a node that needs it."""
        found: dict[str, dict[str, Any]] = {}
        for part in [parts[0] for _key, parts in sorted(members.items())] if self._registry else []:
            plan = part["plan"]
            if plan["origin"] == "local" and plan["image"] not in self._images:
                machine = part["node"]["gpu"]["machine"]
                found.setdefault(plan["image"], {"image": plan["image"], "machine": machine, "plan": plan})
        return list(found.values())

    def _reference(self, plan: Mapping[str, Any]) -> str | None:
        """What nodes pull. Of an image that is still to be built the digest is not known."""
        if plan["image"] in self._images:
            return str(self._images[plan["image"]])
        if plan["origin"] == "local":
            return f"{self._registry}{plan['image']}" if self._registry else None
        return str(plan["image"])

    def _plan_of(self, node: Mapping[str, Any]) -> dict[str, Any]:
        """GPUs are told apart by their place alone: a pod gets any one of a kind."""
        gpus = [{**gpu, "uuid": f"device-{place}"} for place, gpu in enumerate(free_gpus(node))]
        facts = {**node["gpu"], "gpus": gpus, "problems": [], "unavailable_gpus": []}
        known = json.dumps(facts, sort_keys=True)
        if known not in self._plans:
            # The CPU is for nodes without a GPU: pods of one service are not to be of two kinds on one node.
            allow_cpu = "never" if facts["gpu_present"] else "always"
            policy = {**self._policy, **_PER_POD, "allow_cpu": allow_cpu}
            self._plans[known] = deployment_plan(facts, catalogue=self._catalogue, policy=policy)
        return self._plans[known]

    def _group(self, name: str, members: list[dict[str, Any]], nodes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        first, plan = members[0], members[0]["plan"]
        devices = sum(one["devices"] for one in members)
        names = {one["node"]["name"] for one in members}
        labels = [one["node"]["labels"] for one in members]
        memory = [one["memory_mib"] for one in members if one["memory_mib"]]
        image = self._reference(plan)
        if first["source"] == "labels":
            kinds = {_kind(known) for known in labels}
            others = [
                node["labels"]
                for node in nodes
                # One like them is only busy, cordoned or not ready now: pods may go there later.
                if first["resource"] in node["resources"]
                and node["source"]
                and node["name"] not in names
                and _kind(node["labels"]) not in kinds
            ]
            terms = gpu_terms(labels, others, _mixed(nodes) if first["resource"] == GPU else [])
        else:
            terms = arch_terms(labels, without_gpu=plan["runtime"] == "cpu")
        return {
            "name": name,
            "nodes": sorted(names),
            "products": sorted({one["product"] for one in members if one["product"]}),
            "compute_capability": first["capability"],
            "driver_branch": first["branch"],
            "driver_versions": sorted({one["node"]["gpu"]["driver"]["version"] or "" for one in members} - {""}),
            "cuda_driver_version": min(one["node"]["gpu"]["cuda_driver_version"] or "" for one in members) or None,
            "source": first["source"],
            "resource": first["resource"],
            "memory_mib": min(memory) if memory else None,
            "devices": devices,
            "servers": min(devices, self._max_servers) if self._max_servers else devices,
            "affinity": terms,
            "image": image,
            "planned_image": plan["image"],
            **{key: plan[key] for key in ("origin", "runtime", "verdict", "environment", "model", "cuda_version")},
            "cmake_cuda_architectures": plan["cmake_cuda_architectures"],
            "reasons": [
                *plan["reasons"],
                *([f"Nodes pull {image} in place of {plan['image']}."] if image not in (None, plan["image"]) else []),
            ],
            "warnings": plan["warnings"],
        }


def _parts(node: Mapping[str, Any], plan: dict[str, Any]) -> Iterable[tuple[tuple[str, ...], dict[str, Any]]]:
    """What a node gives to groups: one part for each compute capability and resource that its plan serves."""
    machine, branch = node["gpu"]["machine"] or "", node["gpu"]["driver"]["branch"]
    chosen = (str(plan["image"]), str(plan["model"]), json.dumps(plan["environment"], sort_keys=True), machine)
    common = {"node": node, "plan": plan, "source": node["source"], "branch": branch}
    if plan["runtime"] == "cpu":
        part = {**common, "capability": None, "resource": None, "product": None, "memory_mib": None}
        yield ("cpu", "", "", *chosen), {**part, "devices": len(plan["servers"])}
        return
    served: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for place, gpu in enumerate(free_gpus(node)):
        if f"device-{place}" in plan["gpus"]:
            served.setdefault((gpu["compute_capability"], gpu["resource"]), []).append(gpu)
    for (capability, resource), gpus in sorted(served.items()):
        memory = [gpu["memory_total_mib"] for gpu in gpus if gpu["memory_total_mib"]]
        products = ", ".join(sorted({gpu["name"] for gpu in gpus if gpu["name"]}))
        part = {"capability": capability, "resource": resource, "product": products, "devices": len(gpus)}
        key = (f"cc{capability.replace('.', '')}", f"d{branch}", resource, *chosen)
        yield key, {**common, **part, "memory_mib": min(memory) if memory else None}


def _named(members: Mapping[tuple[str, ...], list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """`whisper-cc61-d550`, with what more it takes to tell the groups apart: a MIG profile, a model, a platform."""
    names = {key: "-".join(filter(None, ("whisper", *key[:2], _profile(key[2])))) for key in sorted(members)}
    for place in (4, 6, 5, 3):
        alike: dict[str, set[str]] = {}
        for key, name in names.items():
            alike.setdefault(name, set()).add(key[place])
        names = {key: f"{name}-{_slug(key[place])}" if len(alike[name]) > 1 else name for key, name in names.items()}
    return {names[key]: members[key] for key in names}


def _profile(resource: str) -> str:
    if resource == DRIVER_NAME:
        return "dra"
    return "" if resource in ("", GPU) else _slug(resource.rpartition("/")[2])


def _slug(text: str) -> str:
    """A part of an object's name: at most 63 characters in all."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[-24:].strip("-")


def _kind(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(item for item in sorted(labels.items()) if item[0] != "kubernetes.io/hostname")


def _mixed(nodes: Iterable[Mapping[str, Any]]) -> list[Mapping[str, str]]:
    """Their labels are those of one of their GPUs, and a pod there could get another."""
    return [
        node["labels"]
        for node in nodes
        if any(problem["code"] == "node_mixed_gpus" for problem in node["gpu"]["problems"])
    ]


def _not_in_registry(group: Mapping[str, Any], node: str) -> LeftOut:
    problem = Problem.documented(
        "image_not_in_registry",
        f"Group {group['name']} needs an image that no registry offers: {group['planned_image']}, built for"
        f" {group['cmake_cuda_architectures'] or 'the CPU'}.",
        f"Set whisper_kubernetes_build_host and whisper_kubernetes_registry, so that a host builds and pushes it. Or"
        f" name an image of yours in whisper_kubernetes_images: {{'{group['planned_image']}': REFERENCE}}.",
    )
    return LeftOut(node, problem.code, f"{problem.message} {problem.remedy}", ", ".join(group["products"]) or None)
