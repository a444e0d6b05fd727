# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The GPUs of a node, by the ResourceSlices of NVIDIA's driver for dynamic resource allocation (DRA). Private.

They name each device with UUID, kind, memory and driver, so nodes may have GPUs of several kinds.
"""

from __future__ import annotations

import re
from typing import Any, Iterable, Iterator, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Gpu

from .labels import Driver, architecture

DRIVER_NAME = "gpu.nvidia.com"
# Since Kubernetes 1.34. The betas before it are not read: what was rendered for them would not outlast an upgrade.
API_VERSION = "resource.k8s.io/v1"
# A claim gets no device with one of these, unless it says that it tolerates it, which ours do not.
_TAINTED = ("NoSchedule", "NoExecute")
_QUANTITY = re.compile(r"(\d+)(Ki|Mi|Gi|Ti)?")
_MIB = {None: 1 / 1024**2, "Ki": 1 / 1024, "Mi": 1, "Gi": 1024, "Ti": 1024**2}


def by_node(slices: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The devices of each node, of the newest generation of each pool: a driver replaces its slices one by one."""
    pools: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for piece in slices:
        spec = piece.get("spec") or {}
        if spec.get("driver") == DRIVER_NAME and spec.get("nodeName"):
            pools.setdefault((spec["nodeName"], (spec.get("pool") or {}).get("name") or ""), []).append(spec)
    found: dict[str, list[dict[str, Any]]] = {}
    for (node, _pool), specs in sorted(pools.items()):
        newest = max(_generation(spec) for spec in specs)
        for spec in specs:
            if _generation(spec) == newest:
                found.setdefault(node, []).extend(map(_flat, spec.get("devices") or ()))
    return found


def _generation(spec: Mapping[str, Any]) -> int:
    return int((spec.get("pool") or {}).get("generation") or 0)


def _flat(device: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {name.rpartition("/")[2]: _value(value) for name, value in (device.get("attributes") or {}).items()}
    memory = (device.get("capacity") or {}).get("memory") or {}
    tainted = any(taint.get("effect") in _TAINTED for taint in device.get("taints") or ())
    return {"device": device.get("name"), "tainted": tainted, "memory_mib": _mib(memory.get("value")), **attributes}


def tainted(devices: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of those that the driver has taken out of use, or somebody by a taint in its slice."""
    return [str(device["device"]) for device in devices if device["tainted"]]


def _value(value: Any) -> Any:
    return next(iter(value.values()), None) if isinstance(value, Mapping) else value


def _mib(quantity: Any) -> int | None:
    match = _QUANTITY.fullmatch(str(quantity or ""))
    return int(int(match.group(1)) * _MIB[match.group(2)]) if match else None


def gpus(devices: Iterable[Mapping[str, Any]], held: set[str] | None) -> Iterator[dict[str, Any]]:
    """
    :param held: names of devices that claims of others have; None where claims are not seen.
    """
    for device in devices:
        if device.get("type") not in ("gpu", "mig") or device["tainted"]:
            continue
        capability = _numbers(device.get("cudaComputeCapability"), 2)
        gpu = Gpu(
            uuid=device.get("uuid"),
            name=device.get("productName"),
            pci_bus_id=device.get("pciBusID") or device.get("pcieBusID"),
            compute_capability=capability,
            architecture=architecture(capability) if capability else None,
            memory_total_mib=device.get("memory_mib"),
            mig_mode=False,
        )
        yield {**vars(gpu), "resource": DRIVER_NAME, "allocated": None if held is None else device["device"] in held}


def driver(devices: Iterable[Mapping[str, Any]]) -> Driver:
    """As a semantic version: 550.163.01 is 550.163.1 here."""
    first: Mapping[str, Any] = next(iter(devices), {})
    return Driver(first.get("driverVersion"), _numbers(first.get("cudaDriverVersion"), 2))


def _numbers(version: Any, count: int) -> str | None:
    parts = str(version or "").split(".")
    return ".".join(parts[:count]) if len(parts) >= count else None
