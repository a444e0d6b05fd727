# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serving from the CPU: only where the policy lets it, and never quietly."""

from __future__ import annotations

from typing import Any

from . import models
from .candidates import gate
from .facts import Host
from .images import Image
from .local_build import CPU_BASE_IMAGE, CPU_IMAGE, cpu_options
from .placement import auto_on_cpu
from .plan_output import Findings, Outcome
from .policy import Policy

CPU_NOT_ALLOWED = "cpu_not_allowed"


def plan_cpu(host: Host, policy: Policy, images: tuple[Image, ...], findings: Findings, reason: str) -> Outcome:
    findings.reasons.insert(0, reason)
    findings.warnings.insert(0, "CPU ONLY. No GPU is used on this host.")
    image = _official(host, policy, images, findings)
    build = None
    if image is None:
        build = {
            "base_images": {"build": CPU_BASE_IMAGE, "runtime": CPU_BASE_IMAGE},
            "options": cpu_options(policy.cpu_variants),
        }
        why = "the policy says `prefer: local`"
        if policy.prefer != "local":
            why = "no CPU image in the catalogue can be used (`rejected` says why)"
        code = "in every variant" if policy.cpu_variants == "all" else "in one variant"
        findings.reasons.append(f"The image is built on this host, with the CPU code {code}, because {why}.")
    else:
        findings.reasons.append(f"{image.reference} is the first CPU image in the catalogue that can be used.")
        findings.warnings.extend(problem.message for problem in image.known_problems)
    model = policy.model
    places: tuple[tuple[None, str], ...] = ()
    if policy.models:
        names = [auto_on_cpu(policy) if entry.name == "auto" else entry.name for entry in policy.models]
        places = tuple(
            (None, name) for name, entry in zip(names, policy.models) for _server in range(entry.cpu_servers)
        )
        model = names[0]
        findings.reasons.append(f"Models {', '.join(names)}, as the policy asks.")
    elif model == "auto":
        model = models.AUTO_MODEL_ON_CPU
        findings.reasons.append(f"Model {model}: what `auto` means on a CPU, where speed decides and not memory.")
    return Outcome(
        verdict="cpu",
        runtime="cpu",
        origin="official" if image else "local",
        image=image.reference if image else CPU_IMAGE,
        build=build,
        environment=tuple(pair for problem in (image.known_problems if image else ()) for pair in problem.environment),
        model=model,
        places=places,
    )


def with_threads(plan: dict[str, Any], cores: int | None) -> dict[str, Any]:
    """The plan, by which servers on the CPU share its cores; whisper.cpp itself takes four threads at most.

    A plan for GPUs says nothing of threads, for there they matter little.
    """
    servers = len(plan["servers"])
    if not cores or plan["runtime"] != "cpu":
        return plan
    threads = max(1, cores // servers)
    shared = f"{cores} cores, {servers} servers" if servers > 1 else f"as many as the host has cores: {cores}"
    return {**plan, "threads": threads, "reasons": [*plan["reasons"], f"Threads of each server: {threads} ({shared})."]}


def _official(host: Host, policy: Policy, images: tuple[Image, ...], findings: Findings) -> Image | None:
    if policy.prefer == "local":
        return None
    for image in images:
        if image.runtime != "cpu":
            continue
        closed = gate(image, host, policy)
        if closed is None:
            return image
        findings.reject(image.reference, *closed)
    return None


def reject_cpu(host: Host, policy: Policy, images: tuple[Image, ...], findings: Findings, gpu_serves: bool) -> None:
    """The CPU is an alternative that was not taken: because a GPU is there, or because the policy says never."""
    if policy.allow_cpu == "always":
        if not gpu_serves:
            return
        reason = "The GPU can serve; `allow_cpu: always` uses the CPU only where it cannot."
    elif not host.gpu_present:
        reason = f"`allow_cpu: {policy.allow_cpu}` does not let this host, which has no NVIDIA GPU, serve from its CPU."
    else:
        reason = (
            f"This host has an NVIDIA GPU, and `allow_cpu: {policy.allow_cpu}` does not let the CPU stand in for it."
        )
    for image in images:
        if image.runtime == "cpu":
            findings.reject(image.reference, CPU_NOT_ALLOWED, reason)
