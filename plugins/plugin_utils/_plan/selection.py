# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of the host's GPUs are to be served at all, and with which model."""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import models
from .facts import Host, HostGpu
from .model_memory import Memory, memory_of, with_headroom_mib
from .policy import PlanInputError, Policy

GPU_EXCLUDED = "gpu_excluded"
NOT_ENOUGH_MEMORY = "not_enough_memory"


@dataclass(frozen=True)
class LeftOut:
    gpu: HostGpu
    code: str
    reason: str
    remedy: str | None = None
    wanted: bool = False  # by the policy


@dataclass(frozen=True)
class Selection:
    gpus: tuple[HostGpu, ...]
    left_out: tuple[LeftOut, ...]


def select(host: Host, policy: Policy) -> Selection:
    """All GPUs, or those the policy names. A GPU in MIG mode serves only through MIG devices that the policy names."""
    _refuse_unknown_uuids(host, policy)
    gpus: list[HostGpu] = []
    left_out: list[LeftOut] = []
    for gpu in host.gpus:
        named = [device for device in gpu.mig_devices if policy.gpus is not None and device.uuid in policy.gpus]
        excluded = policy.gpus is not None and gpu.uuid not in policy.gpus
        if gpu.mig_enabled and not named and not excluded:
            reason = f"{gpu} is in MIG mode: no program can use the whole GPU, only its MIG devices."
            remedy = f"{_name_mig_devices(gpu)}, or turn MIG off (`nvidia-smi -mig 0`)."
            left_out.append(LeftOut(gpu, GPU_EXCLUDED, reason, remedy))
        elif gpu.refused and (named or not excluded):
            code, reason, remedy = gpu.refused
            left_out.append(LeftOut(gpu, code, reason, remedy))
        elif named:
            gpus.extend(_sharing_memory(sorted(named, key=lambda device: device.uuid or "")))
        elif excluded:
            reason = f"{gpu} is not among the GPUs that the policy names."
            remedy = "Add its UUID to `gpus`, or set `gpus: all`."
            left_out.append(LeftOut(gpu, GPU_EXCLUDED, reason, remedy, wanted=True))
        else:
            gpus.append(gpu)
    return Selection(tuple(gpus), tuple(left_out))


def _sharing_memory(devices: list[HostGpu]) -> list[HostGpu]:
    """Compute instances of one GPU instance have one memory: each of those that serve gets its share."""
    shared = []
    for device in devices:
        fellows = [
            one for one in devices if device.gpu_instance is not None and one.gpu_instance == device.gpu_instance
        ]
        memory = device.memory_available_mib
        part = memory // len(fellows) if len(fellows) > 1 and memory is not None else memory
        shared.append(replace(device, memory_available_mib=part))
    return shared


def _name_mig_devices(gpu: HostGpu) -> str:
    uuids = sorted(device.uuid for device in gpu.mig_devices if device.uuid)
    if not uuids:
        return "Create MIG devices on it and name their UUIDs in `gpus`"
    return f"Name the UUIDs of its MIG devices in `gpus` ({', '.join(uuids)})"


def _refuse_unknown_uuids(host: Host, policy: Policy) -> None:
    if host.gpus and not host.driver_answers:
        return  # Without a driver no GPU has a UUID; the plan says what to do about that first.
    known = [g.uuid for gpu in host.gpus for g in (gpu, *gpu.mig_devices) if g.uuid]
    of_models = [(f"policy.models[{number}].gpus", entry.gpus) for number, entry in enumerate(policy.models)]
    for variable, named in [("policy.gpus", policy.gpus), *of_models]:
        unknown = sorted(set(named or ()) - set(known))
        if unknown:
            raise PlanInputError(
                f"{variable}: this host has no GPU {', '.join(unknown)}; it has: {', '.join(known) or 'none'}."
            )


def choose_model(
    gpus: tuple[HostGpu, ...], policy: Policy
) -> tuple[str, tuple[HostGpu, ...], tuple[LeftOut, ...], str]:
    """The model, the GPUs it fits on, those it does not fit on, and the sentence for it.

    What a model takes was measured on one GPU, and elsewhere it is rather less. So a GPU is left out for certain only
    where not even the weights fit; between the two, `tight` has a warning.
    """
    if policy.model == "auto":
        return _auto_model(gpus, policy)
    memory = memory_of(policy.model)
    fits, left_out = [], []
    for gpu in gpus:
        if memory is not None and (
            gpu.memory_available_mib is not None
            and gpu.memory_available_mib < memory.weights_mib * policy.instances_per_gpu
        ):
            reason = (
                f"{gpu} has {gpu.memory_available_mib} MiB for {_servers(policy)} with model {policy.model}, "
                f"which {_need(memory, policy)}."
            )
            remedy = f"Free GPU memory{_fewer_servers(policy)}, or choose a smaller model or `model: auto`."
            left_out.append(LeftOut(gpu, NOT_ENOUGH_MEMORY, reason, remedy))
        else:
            fits.append(gpu)
    text = f"Model {policy.model}, as the policy asks."
    if memory is None:
        text += " How much GPU memory it takes is not known, so that was not checked."
    return policy.model, tuple(fits), tuple(left_out), text


def tight(gpus: tuple[HostGpu, ...], model: str, policy: Policy) -> list[str]:
    """Warnings about GPUs with less memory than was measured."""
    memory = memory_of(model)
    return [
        f"{gpu} has {gpu.memory_available_mib} MiB for {_servers(policy)} with model {model}, "
        f"which {_need(memory, policy)}. If the server runs out of memory, free GPU memory{_fewer_servers(policy)}, "
        "or choose a smaller model."
        for gpu in gpus
        if memory is not None
        and gpu.memory_available_mib is not None
        and gpu.memory_available_mib < memory.of(policy.instances_per_gpu)
    ]


def _need(memory: Memory, policy: Policy) -> str:
    if policy.instances_per_gpu == 1:
        return f"needs about {memory.mib} MiB ({memory.basis})"
    return f"need about {memory.of(policy.instances_per_gpu)} MiB ({memory.mib} MiB the first: {memory.basis})"


def _fewer_servers(policy: Policy) -> str:
    return "" if policy.instances_per_gpu == 1 else ", lower `instances_per_gpu`"


def _servers(policy: Policy) -> str:
    return "a server" if policy.instances_per_gpu == 1 else f"{policy.instances_per_gpu} servers"


def _auto_model(gpus: tuple[HostGpu, ...], policy: Policy) -> tuple[str, tuple[HostGpu, ...], tuple[LeftOut, ...], str]:
    memory = {name: memory_of(name) for name in models.AUTO_MODELS}
    needs = {name: with_headroom_mib(found, policy.instances_per_gpu) for name, found in memory.items() if found}
    smallest = min(needs, key=lambda name: needs[name])
    left_out = tuple(
        LeftOut(
            gpu,
            NOT_ENOUGH_MEMORY,
            f"{gpu} has {gpu.memory_available_mib} MiB, too little for {_servers(policy)} with even the smallest "
            f"model, {smallest} ({needs[smallest]} MiB with head-room).",
            f"Free GPU memory{_fewer_servers(policy)}, or leave this GPU out of `gpus`.",
        )
        for gpu in gpus
        if gpu.memory_available_mib is not None and gpu.memory_available_mib < needs[smallest]
    )
    small = {item.gpu for item in left_out}
    fits = tuple(gpu for gpu in gpus if gpu not in small)
    known = [gpu.memory_available_mib for gpu in fits if gpu.memory_available_mib is not None]
    if not known or len(known) < len(fits):
        return smallest, fits, left_out, f"Model {smallest}: how much GPU memory is free is not known."
    # The smallest fits on every GPU that is left.
    name = next(name for name, needed in needs.items() if needed <= min(known))
    text = (
        f"Model {name}: the first of {', '.join(models.AUTO_MODELS)} that fits {_servers(policy)} on every "
        f"chosen GPU ({needs[name]} MiB with head-room; {min(known)} MiB to be had on the fullest)."
    )
    return name, fits, left_out, text
