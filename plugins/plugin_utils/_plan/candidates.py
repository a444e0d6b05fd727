# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways to serve a host's GPUs: each image of the catalogue, and the image that can be built on the host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda import tables

from . import local_build
from .compatibility import assess
from .facts import Host, HostGpu
from .images import Image, measure_build
from .plan_output import Findings
from .policy import Policy
from .verdict import JIT, Verdict

JIT_NOT_ALLOWED = "jit_not_allowed"
KNOWN_PROBLEM = "known_problem"
WRONG_PLATFORM = "wrong_platform"
LOCAL = "local build"


@dataclass(frozen=True)
class Option:
    """One way to serve ``gpus``; ``verdicts`` also hold why the others are not served."""

    rank: tuple[int, int]  # smaller is preferred
    gpus: tuple[HostGpu, ...]
    verdicts: dict[HostGpu, Verdict]
    image: Image | None = None
    build: local_build.LocalBuild | None = None
    measured: bool = False


def gate(image: Image, host: Host, policy: Policy) -> tuple[str, str] | None:
    """What rules an image out whatever it carries."""
    if host.platform not in image.platforms:
        return WRONG_PLATFORM, f"It is made for {', '.join(image.platforms)}; this host is {host.platform}."
    unavailable = policy.unavailable_because(image.reference)
    if unavailable is not None:
        return KNOWN_PROBLEM, f"It cannot be had: {unavailable}"
    for problem in image.known_problems:
        if problem.rejects:
            return KNOWN_PROBLEM, problem.message
    return None


def image_options(
    images: tuple[Image, ...], gpus: tuple[HostGpu, ...], host: Host, policy: Policy, findings: Findings
) -> list[Option]:
    """In the order of the catalogue: first the images with SASS for the GPUs, then those the driver must compile."""
    options = []
    kind = 1 if policy.prefer == "local" else 0
    for place, image in enumerate(images):
        if image.runtime != "cuda":
            continue
        closed = gate(image, host, policy)
        if closed and closed[0] == WRONG_PLATFORM:
            findings.reject(image.reference, *closed)
            continue
        verdicts = {gpu: assess(gpu.gpu, host.driver, image.code) for gpu in gpus}
        running = tuple(gpu for gpu in gpus if verdicts[gpu].runs)
        if not running:
            reject_unserved(image, verdicts, gpus, findings)
            continue
        if closed:
            findings.reject(image.reference, *closed)
            continue
        ready = tuple(gpu for gpu in running if verdicts[gpu].verdict != JIT)
        if ready:
            options.append(Option((kind, place), ready, verdicts, image=image))
        if running != ready and policy.allow_jit:
            options.append(Option((kind, len(images) + place), running, verdicts, image=image))
        elif not ready:
            reject_unserved(image, verdicts, gpus, findings)
            findings.remedies.append(
                f"Set `allow_jit: true`: the driver can compile the PTX in {image.reference} at the first start."
            )
    return options


def refusal(verdict: Verdict) -> tuple[str, str]:
    if verdict.verdict == JIT:
        return JIT_NOT_ALLOWED, f"{verdict.sentence} `allow_jit: false` does not let it."
    return verdict.code, verdict.sentence


def reject_unserved(
    image: Image,
    verdicts: Mapping[HostGpu, Verdict],
    gpus: tuple[HostGpu, ...],
    findings: Findings,
    served: tuple[HostGpu, ...] = (),
) -> None:
    """One rejection for the image, with a sentence for each kind of GPU that it does not serve."""
    refusals = [refusal(verdicts[gpu]) for gpu in gpus]
    sentences = " ".join(dict.fromkeys(sentence for _code, sentence in refusals))
    if served:
        names = ", ".join(dict.fromkeys(str(gpu.gpu) for gpu in served))
        sentences = f"It would serve {names} alone. {sentences}"
    findings.reject(image.reference, refusals[0][0], f"Measured: {sentences}" if image.measured else sentences)


def build_options(
    gpus: tuple[HostGpu, ...], host: Host, policy: Policy, measured: Mapping[str, Mapping[str, Any]], findings: Findings
) -> list[Option]:
    """None or one: the build that serves the most of the GPUs."""

    def can_be_had(base: tables.BaseImage) -> bool:
        for image in (base.build, base.runtime):
            unavailable = policy.unavailable_because(image)
            if unavailable is not None:
                findings.reject(image, KNOWN_PROBLEM, f"It cannot be had: {unavailable}")
                return False
        return True

    build, refused = local_build.choose(gpus, host.driver, can_be_had)
    if build is None:
        for verdict in dict.fromkeys(refused.values()):
            findings.reject(LOCAL, verdict.code, verdict.sentence)
            if verdict.remedy:
                findings.remedies.append(verdict.remedy)
        findings.reasons.extend(dict.fromkeys(verdict.sentence for verdict in refused.values()))
        if len(refused) < len(gpus):
            findings.reasons.append("No nvidia/cuda base image that a local build could use can be had.")
            findings.remedies.append("Make one of the base images available, from a mirror for instance.")
        return []
    rank = (0 if policy.prefer == "local" else 1, 0)
    unavailable = policy.unavailable_because(build.image)
    if unavailable is not None:
        findings.reject(build.image, KNOWN_PROBLEM, f"It cannot be had: {unavailable}")
        findings.reasons.append(f"The image that this host would build cannot be had: {unavailable}")
        findings.remedies.append(
            "Remove what stands in the way of the local build, or name an image in `extra_images`."
        )
        return []
    code = measure_build(build.image, build.base.cuda, measured)
    if code is None:
        return [Option(rank, build.gpus, refused, build=build)]
    verdicts = {**refused, **{gpu: assess(gpu.gpu, host.driver, code) for gpu in build.gpus}}
    served = tuple(gpu for gpu in build.gpus if verdicts[gpu].runs and verdicts[gpu].verdict != JIT)
    if served != build.gpus:
        failing = [refusal(verdicts[gpu]) for gpu in build.gpus if gpu not in served]
        findings.reject(build.image, failing[0][0], f"Measured: {failing[0][1]}")
        findings.reasons.append(f"The image built on this host does not serve it. Measured: {failing[0][1]}")
        findings.remedies.append("Build the image anew; it was not built for this host's GPUs.")
        return []
    return [Option(rank, build.gpus, verdicts, build=build, measured=True)]
