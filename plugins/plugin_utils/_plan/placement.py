# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several models on one host: which GPUs serve each of them, so that all on one GPU fit its memory together."""

from __future__ import annotations

from typing import Iterable, NamedTuple

from . import models
from .facts import HostGpu
from .model_memory import DRIVER_SHARE_MIB, HEADROOM_FACTOR, memory_of
from .policy import ModelPolicy, PlanInputError, Policy
from .selection import GPU_EXCLUDED, NOT_ENOUGH_MEMORY, LeftOut

AUTO = "auto"


class Seats(NamedTuple):
    """The servers of one model on one GPU."""

    gpu: HostGpu
    model: str
    servers: int


class Placement(NamedTuple):
    # Of the policy, in its order.
    models: tuple[str, ...]
    seats: tuple[Seats, ...]
    left_out: tuple[LeftOut, ...]
    about: str

    def gpus(self, among: Iterable[HostGpu]) -> tuple[HostGpu, ...]:
        """Those that serve a model."""
        return tuple(gpu for gpu in among if self.on(gpu))

    def on(self, gpu: HostGpu) -> tuple[Seats, ...]:
        return tuple(seats for seats in self.seats if seats.gpu == gpu)

    def unserved(self, gpus: Iterable[HostGpu]) -> tuple[str, ...]:
        """Models that would have no server on these GPUs."""
        served = {seats.model for seats in self.seats if seats.gpu in gpus}
        return tuple(model for model in self.models if model not in served)

    def places(self, gpus: Iterable[HostGpu]) -> tuple[tuple[str | None, str], ...]:
        """GPU and model of each server: model by model, so that another model at the end moves no server."""
        return tuple(
            (gpu.uuid, model)
            for model in self.models
            for gpu in gpus
            for seats in self.on(gpu)
            if seats.model == model
            for _server in range(seats.servers)
        )

    def warnings(self, gpus: Iterable[HostGpu]) -> list[str]:
        """About GPUs with less memory than was measured."""
        return [
            f"{gpu} has {gpu.memory_available_mib} MiB for {_listed(seats)}, which need about {need} MiB together. If a"
            f" server runs out of memory, free GPU memory, name fewer servers{_quantized(seats)}."
            for gpu in gpus
            for seats in [self.on(gpu)]
            for need in [_in_use(seats)]
            if gpu.memory_available_mib is not None and gpu.memory_available_mib < need
        ]


def place(gpus: tuple[HostGpu, ...], policy: Policy) -> Placement:
    """The models that are named take their place first, in their order; `auto` is what then fits on all its GPUs."""
    seats: list[Seats] = []
    left_out: list[LeftOut] = []
    about: dict[str, str] = {}
    chosen: dict[str, str] = {}
    for entry in sorted(policy.models, key=lambda one: one.name == AUTO):
        own = [gpu for gpu in gpus if entry.gpus is None or gpu.uuid in entry.gpus]
        free = [gpu for gpu in own if not (gpu.exclusive and _on(seats, gpu))]
        left_out += [_taken(gpu, entry, _on(seats, gpu)) for gpu in own if gpu not in free]
        name = entry.name
        if entry.name == AUTO:
            name, about[entry.name] = _automatic(entry, free, seats, policy)
        else:
            about[entry.name] = f"Model {name}, as the policy asks."
            if memory_of(name) is None:
                about[entry.name] += " How much GPU memory it takes is not known, so that was not checked."
        chosen[entry.name] = name
        for gpu in free:
            wanted = _wanted(entry, gpu, name)
            others = _on(seats, gpu)
            if _fits(wanted, others, entry.name == AUTO):
                seats.append(wanted)
            else:
                left_out.append(_too_small(wanted, others))
    unused = [gpu for gpu in gpus if not any(entry.gpus is None or gpu.uuid in entry.gpus for entry in policy.models)]
    left_out += [
        LeftOut(
            gpu,
            GPU_EXCLUDED,
            f"{gpu} is not among the GPUs of any model.",
            "Add its UUID to one of `models`.",
            wanted=True,
        )
        for gpu in unused
    ]
    return Placement(
        models=tuple(chosen[entry.name] for entry in policy.models),
        seats=tuple(seats),
        left_out=tuple(left_out),
        about=" ".join(about[entry.name] for entry in policy.models),
    )


def auto_on_cpu(policy: Policy) -> str:
    """What `auto` stands for where speed decides and not memory."""
    return _left(policy, (models.AUTO_MODEL_ON_CPU, *reversed(models.AUTO_MODELS)))[0]


def _left(policy: Policy, names: Iterable[str]) -> list[str]:
    named = [entry.name for entry in policy.models]
    # A quantized form beside the whole model would be of no use.
    left = [name for name in names if name not in named and name.partition("-q")[0] not in named]
    if not left:
        raise PlanInputError(f"policy.models: every model that {AUTO} could be is named. Remove {AUTO}.")
    return left


def _automatic(entry: ModelPolicy, gpus: list[HostGpu], seats: list[Seats], policy: Policy) -> tuple[str, str]:
    names = _left(policy, models.AUTO_BESIDE_OTHERS)
    if not gpus or any(gpu.memory_available_mib is None for gpu in gpus):
        return names[-1], f"Model {names[-1]}: how much GPU memory is free is not known."
    # A GPU that is too small for the smallest is left out, and decides nothing for the others.
    gpus = [gpu for gpu in gpus if _fits(_wanted(entry, gpu, names[-1]), _on(seats, gpu), headroom=True)] or gpus
    wanted = {name: [_wanted(entry, gpu, name) for gpu in gpus] for name in names}
    fitting = (name for name in names if all(_fits(one, _on(seats, one.gpu), headroom=True) for one in wanted[name]))
    name = next(fitting, names[-1])
    others = sorted({one.model for gpu in gpus for one in _on(seats, gpu)})
    beside = f" next to {', '.join(others)}" if others else ""
    text = (
        f"Model {name}: what `auto` means{beside}, the first of {', '.join(names)} that fits on every GPU chosen for it"
        " with head-room."
    )
    if "-q" in name:
        whole = name.rpartition("-q")[0]
        fullest = min(wanted[whole], key=lambda one: (one.gpu.memory_available_mib or 0) - _in_use(_on(seats, one.gpu)))
        need = int(_in_use([*_on(seats, fullest.gpu), fullest]) * HEADROOM_FACTOR)
        text += (
            f" It is quantized, because with {whole} {need} MiB would be needed on {fullest.gpu}, which has"
            f" {fullest.gpu.memory_available_mib} MiB."
        )
    return name, text


def _wanted(entry: ModelPolicy, gpu: HostGpu, name: str) -> Seats:
    return Seats(gpu, name, 1 if gpu.exclusive else entry.instances_per_gpu)


def _on(seats: Iterable[Seats], gpu: HostGpu) -> list[Seats]:
    return [one for one in seats if one.gpu == gpu]


def _in_use(seats: Iterable[Seats]) -> int:
    """MiB with all of them; the driver's share is counted once. A model of one's own counts as nothing."""
    known = [(memory, one.servers) for one in seats if (memory := memory_of(one.model))]
    return DRIVER_SHARE_MIB + sum(servers * (memory.mib - DRIVER_SHARE_MIB) for memory, servers in known)


def _weights(seats: Iterable[Seats]) -> int:
    return sum(memory.weights_mib * one.servers for one in seats if (memory := memory_of(one.model)))


def _fits(wanted: Seats, others: list[Seats], headroom: bool) -> bool:
    """As for one model: for certain it does not where not even the weights of all fit."""
    available = wanted.gpu.memory_available_mib
    if available is None:
        return True
    together = [*others, wanted]
    return available >= (int(_in_use(together) * HEADROOM_FACTOR) if headroom else _weights(together))


def _too_small(wanted: Seats, others: list[Seats]) -> LeftOut:
    together = [*others, wanted]
    beside = f" next to {_listed(others)}" if others else ""
    reason = (
        f"Model {wanted.model}: {wanted.gpu} has {wanted.gpu.memory_available_mib} MiB, too little for"
        f" {_listed([wanted])}{beside}; together that needs about {_in_use(together)} MiB."
    )
    remedy = f"Free GPU memory, name fewer servers or another of its GPUs in `models`{_quantized(together)}."
    return LeftOut(wanted.gpu, NOT_ENOUGH_MEMORY, reason, remedy)


def _taken(gpu: HostGpu, entry: ModelPolicy, others: list[Seats]) -> LeftOut:
    reason = f"Model {entry.name}: {gpu} is in an exclusive compute mode and has its one server, {others[0].model}."
    return LeftOut(gpu, GPU_EXCLUDED, reason, "As root, `nvidia-smi -i INDEX -c DEFAULT` would let it have more.")


def _listed(seats: Iterable[Seats]) -> str:
    return ", ".join(f"{one.servers} server{'s' if one.servers > 1 else ''} of {one.model}" for one in seats)


def _quantized(seats: Iterable[Seats]) -> str:
    names = [name for one in seats for name in models.MODELS if name.startswith(f"{one.model}-q")]
    return f", or choose a quantized model ({', '.join(names)})" if names else ", or choose a smaller model"
