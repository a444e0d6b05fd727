# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The GPUs of a node, by the labels of NVIDIA's GPU feature discovery. Private to this collection.

The labels describe one kind of GPU a node. Of a GPU itself, its UUID and what is free of its memory, they say nothing.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping, NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.target import Target
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Gpu, architecture_of

NVIDIA = "nvidia.com/"
GPU = NVIDIA + "gpu"
PRODUCT = NVIDIA + "gpu.product"
MIG = NVIDIA + "mig-"
TIMESTAMP = NVIDIA + "gfd.timestamp"
# Both spellings of the driver's version, the newer one first: major, minor, revision.
DRIVER = {
    "driver-version": tuple(NVIDIA + f"cuda.driver-version.{part}" for part in ("major", "minor", "revision")),
    "driver": tuple(NVIDIA + f"cuda.driver.{part}" for part in ("major", "minor", "rev")),
}
FULL_VERSION = NVIDIA + "cuda.driver-version.full"
# Node feature discovery names a GPU by its vendor, with the class before it or without.
PCI = tuple(f"feature.node.kubernetes.io/pci-{name}.present" for name in ("10de", "0300_10de", "0302_10de"))


class Driver(NamedTuple):
    version: str | None
    cuda: str | None


def gpu_present(labels: Mapping[str, str], resources: Mapping[str, Any]) -> bool:
    return (
        labels.get(NVIDIA + "gpu.present") == "true"
        or PRODUCT in labels
        or any(labels.get(name) == "true" for name in PCI)
        or any(name == GPU or name.startswith(MIG) for name in resources)
    )


def described(labels: Mapping[str, str]) -> bool:
    return NVIDIA + "gpu.compute.major" in labels and driver(labels).version is not None


def driver(labels: Mapping[str, str]) -> Driver:
    version = labels.get(FULL_VERSION) or next(filter(None, (_joined(labels, keys) for keys in DRIVER.values())), None)
    cuda = _joined(labels, tuple(NVIDIA + f"cuda.runtime-version.{part}" for part in ("major", "minor")))
    return Driver(
        version, cuda or _joined(labels, tuple(NVIDIA + f"cuda.runtime.{part}" for part in ("major", "minor")))
    )


def _joined(labels: Mapping[str, str], keys: tuple[str, ...]) -> str | None:
    parts = [labels[key] for key in keys if labels.get(key)]
    return ".".join(parts) if labels.get(keys[0]) else None


def number(text: Any) -> int | None:
    try:
        return int(str(text))
    except ValueError:
        return None


def labelled_gpus(labels: Mapping[str, str]) -> int:
    """How many devices of nvidia.com/gpu the labels account for; shared ones count once for each share."""
    return (number(labels.get(NVIDIA + "gpu.count")) or 0) * max(1, number(labels.get(NVIDIA + "gpu.replicas")) or 1)


def gpus(labels: Mapping[str, str], offered: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """A GPU, a share of one or a MIG device, for each device that a pod can get."""
    capability = f"{labels[NVIDIA + 'gpu.compute.major']}.{labels.get(NVIDIA + 'gpu.compute.minor') or '0'}"
    for resource, count in sorted(offered.items()):
        prefix = resource if resource.startswith(MIG) else GPU
        shares = max(1, number(labels.get(f"{prefix}.replicas")) or 1)
        memory = number(labels.get(f"{prefix}.memory"))
        gpu = Gpu(
            name=labels.get(f"{prefix}.product") or labels.get(PRODUCT),
            compute_capability=capability,
            architecture=architecture(capability),
            memory_total_mib=memory // shares if memory else None,
            mig_mode=False,
        )
        for _device in range(count):
            yield {**vars(gpu), "resource": resource}


def architecture(capability: str) -> str | None:
    try:
        return architecture_of(Target.of_gpu(capability))
    except ValueError:
        return None
