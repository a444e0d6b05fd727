# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan: one image for the host's GPUs, with its reasons and every rejected alternative with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from . import catalogue as official
from . import models
from .compatibility import (
    DRIVER_MISSING,
    DRIVER_TOO_OLD,
    JIT,
    VERDICTS,
    Verdict,
    assess,
    recommended_driver,
)
from .host import Host, HostGpu, read_host
from .images import Image, read_catalogue, read_measured, with_measurement
from .local_build import CPU_BASE_IMAGE, CPU_IMAGE, LocalBuild, choose, cpu_options, notes
from .policy import PlanInputError, Policy, read_policy
from .selection import LeftOut, choose_model, select
from .versions import cuda_minor, dotted

JIT_NOT_ALLOWED = "jit_not_allowed"
CPU_NOT_ALLOWED = "cpu_not_allowed"
KNOWN_PROBLEM = "known_problem"
WRONG_PLATFORM = "wrong_platform"
LOCAL = "local build"


@dataclass(frozen=True)
class Option:
    """One way to serve some of the GPUs."""

    preference: tuple[int, int]
    gpus: tuple[HostGpu, ...]
    verdicts: dict[HostGpu, Verdict]
    image: Image | None = None
    build: LocalBuild | None = None


class Planner:
    """Collects reasons, rejections and warnings on the way to one plan."""

    def __init__(self, host: Host, policy: Policy, images: tuple[Image, ...], measured: Mapping[str, Any]) -> None:
        self.host = host
        self.policy = policy
        self.measured = measured
        self.images = self._for_this_platform(tuple(with_measurement(image, measured) for image in images))
        self.reasons: list[str] = []
        self.warnings: list[str] = []
        self.remedies: list[str] = []
        self.rejected: list[dict[str, Any]] = []

    def _for_this_platform(self, images: tuple[Image, ...]) -> tuple[Image, ...]:
        """Entries of one name are one image for several platforms: those for another one are not alternatives."""
        served = {(i.name, i.runtime) for i in images if self.host.platform in i.platforms}
        return tuple(i for i in images if self.host.platform in i.platforms or (i.name, i.runtime) not in served)

    def reject(self, image: str | None, code: str, reason: str) -> None:
        entry = {"image": image, "code": code, "reason": reason}
        if entry not in self.rejected:
            self.rejected.append(entry)

    # What the host is decides which of these is asked.

    def plan(self) -> dict[str, Any]:
        if not self.host.gpu_present:
            select(self.host, self.policy)  # A GPU that the policy names and the host lacks is an error, not a CPU host.
            for image in self.images:
                if image.runtime == "cuda" and not any(problem.rejects for problem in image.known_problems):
                    reason = "It needs an NVIDIA GPU, and this host has none."
                    self.reject(image.reference, WRONG_PLATFORM, reason)
            if self.policy.allow_cpu == "never":
                self.reasons.append("This host has no NVIDIA GPU, and `allow_cpu: never` forbids serving from the CPU.")
                self.remedies.append("Fit an NVIDIA GPU, or set `allow_cpu: auto`.")
                return self._impossible()
            return self._cpu_plan("This host has no NVIDIA GPU: whisper.cpp will run on the CPU.")
        option, model = self._gpu_option()
        if option is not None:
            self._reject_cpu_images()
            return self._gpu_plan(option, model)
        if self.policy.allow_cpu == "always":
            return self._cpu_plan("`allow_cpu: always`: whisper.cpp will run on the CPU although this host has a GPU.")
        self._reject_cpu_images()
        return self._impossible()

    def _gpu_option(self) -> tuple[Option | None, str]:
        selection = select(self.host, self.policy)
        self._leave_out(selection.left_out)
        if not self._driver_can_be_asked(selection.gpus):
            return None, ""
        gpus = tuple(gpu for gpu in selection.gpus if self._has_known_capability(gpu))
        model, gpus, too_small, model_reason = choose_model(type(selection)(gpus, ()), self.policy)
        self._leave_out(too_small)
        if not gpus:
            self.reasons.append("No GPU of this host is left to serve from.")
            return None, model
        options = self._image_options(gpus) + self._local_options(gpus)
        if not options:
            return None, model
        best = min(options, key=lambda option: (-len(option.gpus), option.preference))
        self._settle(best, gpus, options)
        self.reasons.append(model_reason)
        return best, model

    def _leave_out(self, left_out: tuple[LeftOut, ...]) -> None:
        for item in left_out:
            self.reject(None, item.code, item.reason)
            self.reasons.append(f"Left out: {item.reason}")
            if item.remedy:
                self.remedies.append(item.remedy)

    def _driver_can_be_asked(self, gpus: tuple[HostGpu, ...]) -> bool:
        host, policy = self.host, self.policy
        if not host.driver_answers:
            names = ", ".join(str(gpu) for gpu in gpus) or "an NVIDIA GPU"
            reason = f"This host has {names} but no working NVIDIA driver"
            reason += ": the nouveau driver holds the card." if host.flavor == "nouveau" else "."
            self._stop(DRIVER_MISSING, reason, self._driver_remedies(gpus))
            return False
        if policy.min_driver and (host.driver.version is None or host.driver.version < policy.min_driver):
            wanted = dotted(policy.min_driver)
            reason = f"The policy asks for driver {wanted} or newer; this host has {host.driver}."
            self._stop(DRIVER_TOO_OLD, reason, [f"Update the driver to ≥ {wanted}, or lower `min_driver`."])
            return False
        if not host.gpus:
            reason = f"An NVIDIA GPU is on the PCI bus, but {host.driver} offers none."
            self._stop(DRIVER_MISSING, reason, self._driver_remedies(gpus))
            return False
        return True

    def _driver_remedies(self, gpus: tuple[HostGpu, ...]) -> list[str]:
        told = [remedy for _code, _message, remedy in self.host.problems if remedy]
        known = [gpu.gpu for gpu in gpus if gpu.compute_capability]
        advice = recommended_driver(known[0]) if known else "the NVIDIA driver for this card"
        return told or [f"Install {advice}, reboot, and check that `nvidia-smi` lists the card."]

    def _stop(self, code: str, reason: str, remedies: list[str]) -> None:
        self.reasons.append(reason)
        self.reasons.extend(f"Seen: {message}" for _code, message, _remedy in self.host.problems if message)
        self.remedies.extend(remedies)
        for image in self.images:
            if image.runtime == "cuda" and not any(problem.rejects for problem in image.known_problems):
                self.reject(image.reference, code, reason)
        self.reject(LOCAL, code, reason)

    def _has_known_capability(self, gpu: HostGpu) -> bool:
        if gpu.compute_capability is not None:
            return True
        reason = f"{gpu}: its compute capability is not known, because the driver does not answer for it."
        self._leave_out((LeftOut(gpu, DRIVER_MISSING, reason),))
        self.remedies.extend(self._driver_remedies(()))
        return False

    # The alternatives.

    def _image_options(self, gpus: tuple[HostGpu, ...]) -> list[Option]:
        options = []
        base = 1 if self.policy.prefer == "local" else 0
        for place, image in enumerate(self.images):
            if image.runtime != "cuda":
                continue
            gate = self._gate(image)
            if gate and gate[0] == WRONG_PLATFORM:
                self.reject(image.reference, *gate)
                continue
            verdicts = {gpu: assess(gpu.gpu, self.host.driver, image.code) for gpu in gpus}
            running = tuple(gpu for gpu in gpus if verdicts[gpu].runs)
            ready = tuple(gpu for gpu in running if verdicts[gpu].verdict != JIT)
            allowed = running if self.policy.allow_jit else ready
            if not allowed:
                self._reject_verdicts(image, verdicts, gpus)
            elif gate:
                self.reject(image.reference, *gate)
            else:
                if ready:
                    options.append(Option((base, place), ready, verdicts, image=image))
                if len(allowed) > len(ready):
                    options.append(Option((base + 0, len(self.images) + place), allowed, verdicts, image=image))
        return options

    def _gate(self, image: Image) -> tuple[str, str] | None:
        """What rules an image out whatever it carries."""
        if self.host.platform not in image.platforms:
            return WRONG_PLATFORM, f"It is made for {', '.join(image.platforms)}; this host is {self.host.platform}."
        unavailable = self.policy.unavailable_because(image.reference)
        if unavailable is not None:
            return KNOWN_PROBLEM, f"It cannot be had: {unavailable}"
        for problem in image.known_problems:
            if problem.rejects:
                return KNOWN_PROBLEM, problem.message
        return None

    def _reject_verdicts(self, image: Image, verdicts: dict[HostGpu, Verdict], gpus: tuple[HostGpu, ...]) -> None:
        failing = [verdicts[gpu] for gpu in gpus if not verdicts[gpu].runs or verdicts[gpu].verdict == JIT]
        code = JIT_NOT_ALLOWED if failing[0].verdict == JIT else failing[0].code
        sentences = [
            f"{item.sentence} `allow_jit` is false." if item.verdict == JIT else item.sentence for item in failing
        ]
        text = " ".join(dict.fromkeys(sentences))
        self.reject(image.reference, code, f"Measured: {text}" if image.measured else text)
        self.remedies.extend(item.remedy for item in failing if item.remedy)

    def _local_options(self, gpus: tuple[HostGpu, ...]) -> list[Option]:
        build, refused = choose(gpus, self.host.driver, self._base_can_be_had)
        if build is None:
            for verdict in dict.fromkeys(refused.values()):
                self.reject(LOCAL, verdict.code, verdict.sentence)
                self.reasons.append(verdict.sentence)
                if verdict.remedy:
                    self.remedies.insert(0, verdict.remedy)
            return []
        unavailable = self.policy.unavailable_because(build.image)
        if unavailable is not None:
            self.reject(build.image, KNOWN_PROBLEM, f"It cannot be had: {unavailable}")
            self.reasons.append(f"The local build cannot be had: {unavailable}")
            return []
        return [Option((0 if self.policy.prefer == "local" else 1, 0), build.gpus, refused, build=build)]

    def _base_can_be_had(self, base: Any) -> bool:
        for flavour in ("devel", "runtime"):
            unavailable = self.policy.unavailable_because(base.tag(flavour))
            if unavailable is not None:
                self.reject(base.tag(flavour), KNOWN_PROBLEM, f"It cannot be had: {unavailable}")
                return False
        return True

    def _settle(self, best: Option, gpus: tuple[HostGpu, ...], options: list[Option]) -> None:
        """Rejections of the options that serve fewer GPUs, and the GPUs that the best one leaves out."""
        for option in options:
            if option.image is not None and option.image != best.image and len(option.gpus) < len(best.gpus):
                self._reject_verdicts(option.image, option.verdicts, tuple(g for g in gpus if g not in option.gpus))
        self.remedies = []
        for gpu in gpus:
            if gpu in best.gpus:
                continue
            verdict = best.verdicts[gpu]
            text = f"{verdict.sentence} `allow_jit` is false." if verdict.verdict == JIT else verdict.sentence
            code = JIT_NOT_ALLOWED if verdict.verdict == JIT else verdict.code
            self._leave_out((LeftOut(gpu, code, text),))
            self.warnings.append(f"{gpu} is left out: {text}")
        if best.image is not None:
            for gpu in best.gpus:
                self.warnings.extend(best.verdicts[gpu].beyond_tables)
            superseded = [i.reference for i in self.images if any(p.rejects for p in i.known_problems)]
            self.rejected = [entry for entry in self.rejected if entry["image"] not in superseded]

    def _reject_cpu_images(self) -> None:
        for image in self.images:
            if image.runtime == "cpu":
                reason = f"This host has an NVIDIA GPU, and `allow_cpu: {self.policy.allow_cpu}` keeps the CPU out of it."
                if self.policy.allow_cpu == "always":
                    reason = "The GPU can serve; the CPU is only used where it cannot."
                self.reject(image.reference, CPU_NOT_ALLOWED, reason)

    # The results.

    def _gpu_plan(self, option: Option, model: str) -> dict[str, Any]:
        environment: dict[str, str] = {}
        if option.build is not None:
            build = option.build
            self.reasons[:0] = self._local_reasons(build)
            self.warnings.extend(notes(build))
            if build.newer_than_driver:
                environment["NVIDIA_DISABLE_REQUIRE"] = "1"
            return self._result(
                runtime="cuda",
                origin="local",
                image=build.image,
                verdict="native",
                gpus=build.gpus,
                cuda_version=build.base.cuda,
                architectures=build.architectures,
                build={
                    "base_images": {"build": build.base.tag("devel"), "runtime": build.base.tag("runtime")},
                    "options": build.options(),
                },
                environment=environment,
                model=model,
            )
        image = option.image
        if image is None:
            raise AssertionError("an option is an image or a build")
        verdict = max((option.verdicts[gpu].verdict for gpu in option.gpus), key=VERDICTS.index)
        source = "Measured" if image.measured else "By its catalogue entry"
        sentences = dict.fromkeys(option.verdicts[gpu].sentence for gpu in option.gpus)
        self.reasons[:0] = [f"{source}, {image.reference} carries {image.code}."] + list(sentences)
        for problem in image.known_problems:
            environment.update(problem.environment)
            (self.reasons if problem.environment else self.warnings).append(problem.message)
        self.warnings.extend(image.problems)
        cuda = image.code.cuda
        if cuda and self.host.driver.cuda and cuda_minor(cuda) > self.host.driver.cuda:
            environment["NVIDIA_DISABLE_REQUIRE"] = "1"
            self.reasons.append(
                f"CUDA {dotted(cuda)} is newer than what {self.host.driver} reports, which minor-version compatibility "
                "covers; NVIDIA_DISABLE_REQUIRE lets the container start all the same."
            )
        return self._result(
            runtime="cuda",
            origin="official",
            image=image.reference,
            verdict=verdict,
            gpus=option.gpus,
            cuda_version=image.cuda_version,
            architectures=None,
            build=None,
            environment=environment,
            model=model,
        )

    def _local_reasons(self, build: LocalBuild) -> list[str]:
        names = ", ".join(dict.fromkeys(str(gpu.gpu) for gpu in build.gpus))
        why = "`prefer: local`" if self.policy.prefer == "local" else "no official image serves it as it is"
        reasons = [f"An image is built on this host for {names} under {self.host.driver}: {why}."]
        if build.newer_than_driver:
            reasons.append(
                f"No published base is old enough for what the driver reports; CUDA {build.base.cuda} runs on it by "
                "minor-version compatibility, and NVIDIA_DISABLE_REQUIRE lets the container start all the same."
            )
        else:
            reasons.append(
                f"CUDA {build.base.cuda} is the newest published base that is not newer than what the driver reports "
                "and compiles for every GPU served."
            )
        return reasons

    def _cpu_plan(self, reason: str) -> dict[str, Any]:
        self.reasons.insert(0, f"CPU ONLY. {reason}")
        self.warnings.insert(0, f"CPU ONLY: {reason}")
        model = self.policy.model
        if model == "auto":
            model = models.AUTO_MODEL_ON_CPU
            self.reasons.append(f"Model {model}: what `auto` means on a CPU, whose memory says little about its speed.")
        image = None
        for candidate in self.images:
            if candidate.runtime != "cpu" or image is not None:
                continue
            gate = self._gate(candidate)
            if gate:
                self.reject(candidate.reference, *gate)
            elif self.policy.prefer == "official":
                image = candidate
        build = None
        if image is None:
            build = {"base_images": {"build": CPU_BASE_IMAGE, "runtime": CPU_BASE_IMAGE}, "options": cpu_options()}
            why = "`prefer: local`" if self.policy.prefer == "local" else "no official CPU image can be used"
            self.reasons.append(f"The image is built on this host with every variant of the CPU code: {why}.")
        else:
            self.reasons.append(f"{image.reference} serves hosts without a GPU.")
            self.warnings.extend(problem.message for problem in image.known_problems)
        environment = {key: value for problem in (image.known_problems if image else ()) for key, value in problem.environment}
        return self._result(
            runtime="cpu",
            origin="official" if image else "local",
            image=image.reference if image else CPU_IMAGE,
            verdict="cpu",
            gpus=(),
            cuda_version=None,
            architectures=None,
            build=build,
            environment=environment,
            model=model,
        )

    def _impossible(self) -> dict[str, Any]:
        self.reasons.extend(f"Remedy: {remedy}" for remedy in dict.fromkeys(self.remedies))
        return self._result(
            runtime=None,
            origin=None,
            image=None,
            verdict="impossible",
            gpus=(),
            cuda_version=None,
            architectures=None,
            build=None,
            environment={},
            model=None,
        )

    def _result(
        self,
        *,
        runtime: str | None,
        origin: str | None,
        image: str | None,
        verdict: str,
        gpus: tuple[HostGpu, ...],
        cuda_version: str | None,
        architectures: str | None,
        build: dict[str, Any] | None,
        environment: dict[str, str],
        model: str | None,
    ) -> dict[str, Any]:
        seats: list[str | None] = [gpu.uuid for gpu in gpus for _ in range(self.policy.instances_per_gpu)]
        if runtime == "cpu":
            seats = [None]
        last = self.policy.first_port + len(seats) - 1
        if seats and last > 65535:  # noqa: PLR2004 - the highest port there is
            raise PlanInputError(f"policy.first_port: {self.policy.first_port} leaves no room for {len(seats)} ports.")
        return {
            "runtime": runtime,
            "origin": origin,
            "image": image,
            "verdict": verdict,
            "gpus": [gpu.uuid for gpu in gpus],
            "cuda_version": cuda_version,
            "cmake_cuda_architectures": architectures,
            "build": build,
            "environment": dict(sorted(environment.items())),
            "model": model,
            "servers": [{"gpu": uuid, "port": self.policy.first_port + n} for n, uuid in enumerate(seats)],
            "reasons": list(dict.fromkeys(self.reasons)),
            "rejected": self.rejected,
            "warnings": list(dict.fromkeys(self.warnings)),
        }


def deployment_plan(
    gpu_info: Any, catalogue: Any = None, policy: Any = None, measured: Any = None
) -> dict[str, Any]:
    """Facts, images and policy in; one plan out. PlanInputError for an input that a person has to correct."""
    settings = read_policy(policy)
    listed = read_catalogue(settings.extra_images, "policy.extra_images")
    listed += read_catalogue(official.BUILT_IN if catalogue is None else catalogue)
    images: dict[str, Image] = {}
    for image in listed:
        images.setdefault(image.reference, image)
    return Planner(read_host(gpu_info), settings, tuple(images.values()), read_measured(measured)).plan()
