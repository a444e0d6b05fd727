# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""By which labels the pods of a group find its nodes: branches by `In`, all of them seen on a node of the plan.

`Gt` compares whole numbers, so it cannot tell 535.54 from 535.104. A driver's branch is named; its version only where
nodes with the same GPU and branch are not of the group.
"""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._kubernetes.labels import (
    DRIVER,
    FULL_VERSION,
    NVIDIA,
    PRODUCT,
)

_ARCH, _HOST = "kubernetes.io/arch", "kubernetes.io/hostname"
_CAPABILITY = (NVIDIA + "gpu.compute.major", NVIDIA + "gpu.compute.minor")


def gpu_terms(
    members: Sequence[Mapping[str, str]], others: Iterable[Mapping[str, str]], excluded: Iterable[Mapping[str, str]]
) -> list[dict[str, Any]]:
    """One term for each spelling of the driver's version that the members have.

    :param members: the labels of the nodes of the group.
    :param others: the labels of nodes whose GPUs have another plan.
    :param excluded: the labels of nodes of which no label tells what a pod would get there.
    """
    others, excluded = list(others), list(excluded)
    terms = []
    for spelling, keys in DRIVER.items():
        spelled = [labels for labels in members if _spelling(labels) == spelling]
        if spelled:
            terms.append({"matchExpressions": _expressions(spelled, others, excluded, keys)})
    return terms


def _spelling(labels: Mapping[str, str]) -> str | None:
    return next((spelling for spelling, keys in DRIVER.items() if labels.get(keys[0])), None)


def _expressions(
    members: Sequence[Mapping[str, str]],
    others: Sequence[Mapping[str, str]],
    excluded: Sequence[Mapping[str, str]],
    keys: Sequence[str],
) -> list[dict[str, Any]]:
    wanted = _wanted(members, [_ARCH, *_CAPABILITY, PRODUCT, keys[0]])
    if any(_matches(labels, wanted) for labels in others):
        full = all(FULL_VERSION in labels for labels in members)
        wanted.update(_wanted(members, [FULL_VERSION] if full else keys[1:]))
    found = [_in(key, values) for key, values in wanted.items()]
    hosts = sorted(labels[_HOST] for labels in [*others, *excluded] if _HOST in labels and _matches(labels, wanted))
    return found + ([{"key": _HOST, "operator": "NotIn", "values": hosts}] if hosts else [])


def _wanted(members: Sequence[Mapping[str, str]], keys: Iterable[str]) -> dict[str, list[str]]:
    return {key: values for key in keys if (values := _values(members, key))}


def _matches(labels: Mapping[str, str], wanted: Mapping[str, list[str]]) -> bool:
    return all(labels.get(key) in values for key, values in wanted.items())


def _values(members: Iterable[Mapping[str, str]], key: str) -> list[str]:
    return sorted({labels[key] for labels in members if labels.get(key)})


def _in(key: str, values: list[str]) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": values}


def arch_terms(members: Sequence[Mapping[str, str]], without_gpu: bool = False) -> list[dict[str, Any]]:
    """Where a claim chooses the GPU, or none is needed."""
    expressions = [_in(_ARCH, _values(members, _ARCH))] if _values(members, _ARCH) else []
    if without_gpu:
        expressions.append({"key": NVIDIA + "gpu.present", "operator": "NotIn", "values": ["true"]})
    return [{"matchExpressions": expressions}] if expressions else []
