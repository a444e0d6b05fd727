# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node as the plan reads it: its GPUs in the shape of nvidia_gpu_info, and what keeps pods from them. Private."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Mapping, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Driver, branch_of
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem

from . import labels as by_labels
from . import problems, slices
from .labels import GPU, MIG, NVIDIA, TIMESTAMP
from .pods import Use

# As `uname --machine` has them, which is what nvidia_gpu_info returns.
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# Labels by which the objects choose nodes.
_KEPT = ("kubernetes.io/arch", "kubernetes.io/os", "kubernetes.io/hostname")


def node_info(
    node: Mapping[str, Any], devices: Sequence[Mapping[str, Any]], use: Use | None, held: set[str] | None
) -> dict[str, Any]:
    """
    :param devices: of the node's ResourceSlices.
    :param use: what pods have of the node; None where pods are not seen.
    :param held: names of `devices` that claims of others have; None where claims are not seen.
    """
    name = node["metadata"]["name"]
    labels, status = node["metadata"].get("labels") or {}, node.get("status") or {}
    spec = node.get("spec") or {}
    found = list(_state_problems(name, spec, status))
    resources = {} if devices else _resources(status, use)
    source, gpus, driver = None, [], by_labels.Driver(None, None)
    present = bool(devices) or by_labels.gpu_present(labels, resources)
    if devices:
        source, driver = "resource_slices", slices.driver(devices)
        gpus = list(slices.gpus(devices, held))
        broken = slices.tainted(devices)
        resources = {slices.DRIVER_NAME: _claimed(gpus, len(broken))}
        found += _unhealthy(name, slices.DRIVER_NAME, len(broken), broken, use)
    elif present:
        offered = {resource: count["allocatable"] or 0 for resource, count in resources.items()}
        found += _label_problems(name, labels, resources, use)
        if not any(problem.code in _BLIND for problem in found):
            source, driver = "labels", by_labels.driver(labels)
            gpus = list(by_labels.gpus(labels, offered))
    return {
        "name": name,
        "ready": not any(problem.code == "node_not_ready" for problem in found),
        "schedulable": not spec.get("unschedulable", False),
        "taints": [
            {key: taint.get(key) for key in ("key", "value", "effect")}
            for taint in spec.get("taints") or ()
            # The scheduler's own words for the state that is told above.
            if not taint["key"].startswith("node.kubernetes.io/")
        ],
        "labels": {key: labels[key] for key in sorted(labels) if key in _KEPT or _tells(key)},
        "source": source,
        "resources": resources,
        "gpu": {
            "source": source,
            "machine": _MACHINES.get(labels.get("kubernetes.io/arch", ""), labels.get("kubernetes.io/arch")),
            "gpu_present": present,
            "driver": asdict(Driver(version=driver.version, branch=branch_of(driver.version))),
            "cuda_driver_version": driver.cuda,
            "gpus": gpus,
            "unavailable_gpus": [
                {"code": problem.code, "reason": problem.message, "index": None, "pci_bus_id": None, "name": None}
                for problem in found
                if problem.code == "gpu_unhealthy"
            ],
            "problems": [problem.as_dict() for problem in found],
        },
    }


def _tells(key: str) -> bool:
    """Of NVIDIA's labels all but the time at which they were written."""
    return key.startswith(NVIDIA) and key != TIMESTAMP


# With one of these nothing is known that a plan could be made from.
_BLIND = ("gpu_feature_discovery_missing", "device_plugin_missing", "node_mixed_gpus")


def _state_problems(name: str, spec: Mapping[str, Any], status: Mapping[str, Any]) -> list[Problem]:
    ready: dict[str, Any] = next((one for one in status.get("conditions") or () if one.get("type") == "Ready"), {})
    found = []
    if ready.get("status") != "True":
        said = ready.get("message") or ready.get("reason") or "its kubelet has not reported yet"
        found.append(problems.not_ready(name, str(said).rstrip(".")))
    if spec.get("unschedulable"):
        found.append(problems.cordoned(name))
    return found


def _resources(status: Mapping[str, Any], use: Use | None) -> dict[str, dict[str, int | None]]:
    """What the device plugin offers; `allocated` is what pods of others have of it, null where they are not seen."""
    capacity, allocatable = status.get("capacity") or {}, status.get("allocatable") or {}
    return {
        name: {
            "capacity": by_labels.number(capacity[name]) or 0,
            "allocatable": by_labels.number(allocatable.get(name)) or 0,
            "allocated": None if use is None else use.others.get(name, 0),
            "ours": None if use is None else use.ours.get(name, 0),
        }
        for name in sorted(capacity)
        if name == GPU or name.startswith(MIG)
    }


def _claimed(gpus: Sequence[Mapping[str, Any]], broken: int) -> dict[str, int | None]:
    allocated = [gpu["allocated"] for gpu in gpus]
    return {
        "capacity": len(gpus) + broken,
        "allocatable": len(gpus),
        "allocated": None if None in allocated else sum(allocated),
        "ours": None,
    }


def _unhealthy(name: str, resource: str, count: int, named: list[str], use: Use | None) -> list[Problem]:
    """
    :param count: of devices that pods get no more.
    :param named: those of them whose names are known.
    """
    held = sorted(use.unhealthy.get(resource, ())) if use else []
    return [problems.unhealthy(name, resource, max(count, len(held)), named + held)] if count or held else []


def _label_problems(
    name: str, labels: Mapping[str, str], resources: Mapping[str, Mapping[str, int | None]], use: Use | None
) -> list[Problem]:
    found = []
    if not by_labels.described(labels):
        found.append(problems.labels_missing(name))
    if not any(count["capacity"] for count in resources.values()):
        found.append(problems.device_plugin_missing(name))
    for resource, count in resources.items():
        broken = (count["capacity"] or 0) - (count["allocatable"] or 0)
        found += _unhealthy(name, resource, max(broken, 0), [], use)
    labelled, offered = by_labels.labelled_gpus(labels), (resources.get(GPU) or {}).get("capacity") or 0
    if by_labels.described(labels) and offered > labelled:
        found.append(problems.mixed(name, labelled, offered))
    return found
