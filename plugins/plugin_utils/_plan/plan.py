# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan: one image for the host's GPUs, with its reasons and every rejected alternative with its reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Mapping

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda import tables
from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.generations import generation_of

from . import catalogue as official
from . import local_build
from .candidates import (
    JIT_NOT_ALLOWED,
    LOCAL,
    WRONG_PLATFORM,
    Option,
    build_options,
    image_options,
    refusal,
    reject_unserved,
)
from .compatibility import beyond_tables
from .cpu_plan import plan_cpu, reject_cpu, with_threads
from .driver_advice import driver_remedies, seen, why_not_offered
from .driver_support import DEAD_END_REMEDY, ceiling, one_driver_serves
from .facts import Host, HostGpu, read_host
from .images import Image, read_catalogue, read_measured, read_whisper_version, with_measurement
from .placement import Placement, place
from .plan_output import Findings, Outcome, as_plan, impossible, instances_on
from .policy import Policy, read_policy
from .selection import LeftOut, choose_model, select, tight
from .verdict import (
    BRANCH_DROPPED_GPU,
    DRIVER_MISSING,
    DRIVER_NOT_ANSWERING,
    DRIVER_TOO_OLD,
    LIBCUDA_MISSING,
    NO_CODE_FOR_GPU,
    VERDICTS,
)
from .whisper_faults import warnings_about


def deployment_plan(
    gpu_info: Any, catalogue: Any = None, policy: Any = None, measured: Any = None, whisper_version: Any = None
) -> dict[str, Any]:
    """Facts, images and policy in; one plan out. PlanInputError for an input that a person has to correct."""
    settings = read_policy(policy)
    host = read_host(gpu_info)
    listed = read_catalogue(settings.extra_images, "policy.extra_images")
    listed += read_catalogue(official.BUILT_IN if catalogue is None else catalogue)
    results = read_measured(measured)
    images: dict[str, Image] = {}
    for image in listed:
        images.setdefault(image.reference, with_measurement(image, results))
    version = read_whisper_version(whisper_version, "whisper_version")
    planner = _Planner(host, settings, _for_platform(tuple(images.values()), host.platform), results, version)
    return planner.plan()


def _for_platform(images: tuple[Image, ...], platform: str) -> tuple[Image, ...]:
    """Entries of one name are one image for several platforms; only where none fits are the others worth a word."""
    fitting = {(image.name, image.runtime) for image in images if platform in image.platforms}
    return tuple(i for i in images if platform in i.platforms or (i.name, i.runtime) not in fitting)


def _superseded(image: Image) -> bool:
    return any(problem.rejects for problem in image.known_problems)


class _Planner:
    def __init__(
        self,
        host: Host,
        policy: Policy,
        images: tuple[Image, ...],
        measured: Mapping[str, Mapping[str, Any]],
        whisper_version: str | None,
    ) -> None:
        self.host = host
        self.policy = policy
        self.images = images
        self.measured = measured
        self.whisper_version = whisper_version  # that a local build compiles
        self.findings = Findings()
        self.left_out: list[LeftOut] = []

    def plan(self) -> dict[str, Any]:
        findings, policy = self.findings, self.policy
        selection = select(self.host, policy)
        if not self.host.gpu_present:
            outcome = self._without_gpu()
        else:
            outcome = self._with_gpu(selection.gpus, selection.left_out)
            self._tell_unavailable(gpu_serves=outcome is not None)
            self._tell_left_out(gpu_serves=outcome is not None)
            reject_cpu(self.host, policy, self.images, findings, gpu_serves=outcome is not None)
            if outcome is None and policy.allow_cpu == "always":
                reason = "`allow_cpu: always` lets whisper.cpp run on the CPU, because no GPU of this host can serve."
                outcome = plan_cpu(self.host, policy, self.images, findings, reason)
        if outcome is not None:
            self._warn_of_version(outcome)
        self._order_rejected(built=outcome is not None and outcome.runtime == "cuda" and outcome.origin == "local")
        plan = impossible(findings, policy) if outcome is None else as_plan(outcome, findings, policy)
        return with_threads(plan, self.host.cores)

    def _order_rejected(self, built: bool) -> None:
        """As in the catalogue. Superseded images are worth a word only to those who have to build one instead."""
        superseded = {image.reference for image in self.images if not built and _superseded(image)}
        places: list[str | None] = [None, *(image.reference for image in self.images)]
        kept = [entry for entry in self.findings.rejected if entry["image"] not in superseded]
        kept.sort(key=lambda entry: places.index(entry["image"]) if entry["image"] in places else len(places))
        self.findings.rejected = kept

    def _warn_of_version(self, outcome: Outcome) -> None:
        versions = {image.reference: image.whisper_version for image in self.images}
        built = outcome.origin == "local"
        version = self.whisper_version if built else versions.get(outcome.image or "")
        what = "The image that is built" if built else str(outcome.image)
        self.findings.warnings.extend(warnings_about(what, version))

    def _without_gpu(self) -> Outcome | None:
        for image in self.images:
            if image.runtime == "cuda" and not _superseded(image):
                self.findings.reject(image.reference, WRONG_PLATFORM, "It needs an NVIDIA GPU, and this host has none.")
        if self.policy.allow_cpu == "never":
            self.findings.reasons.append(
                "This host has no NVIDIA GPU, and `allow_cpu: never` does not let it serve from the CPU."
            )
            self.findings.remedies.append("Fit an NVIDIA GPU, or set `allow_cpu: auto`.")
            reject_cpu(self.host, self.policy, self.images, self.findings, gpu_serves=False)
            return None
        reason = "This host has no NVIDIA GPU; whisper.cpp will run on the CPU."
        return plan_cpu(self.host, self.policy, self.images, self.findings, reason)

    def _with_gpu(self, chosen: tuple[HostGpu, ...], excluded: tuple[LeftOut, ...]) -> Outcome | None:
        self._leave_out(*excluded)
        if not self._driver_answers(chosen):
            return None
        gpus = tuple(gpu for gpu in chosen if self._can_be_judged(gpu))
        placement = place(gpus, self.policy) if self.policy.models else None
        if placement:
            model, about_model, too_small = placement.models[0], placement.about, placement.left_out
            gpus = placement.gpus(gpus)
        else:
            model, gpus, too_small, about_model = choose_model(gpus, self.policy)
        self._leave_out(*too_small)
        if not gpus:
            self.findings.reasons.append("No GPU of this host is left to serve from.")
            return None
        if placement and self._lacks_servers(placement, gpus):
            return None
        options = image_options(self.images, gpus, self.host, self.policy, self.findings)
        options += build_options(gpus, self.host, self.policy, self.measured, self.findings)
        if not options:
            for gpu in gpus:
                self.findings.warnings.extend(beyond_tables(gpu.gpu, self.host.driver))
            return None
        best = min(options, key=lambda option: (-len(option.gpus), option.rank))
        self.findings.reasons.clear()
        self._reject_lesser(best, options, gpus)
        self._leave_unserved_out(best, gpus)
        if placement and self._lacks_servers(placement, best.gpus):
            return None
        if placement:
            self.findings.warnings.extend(placement.warnings(best.gpus))
        else:
            self._tell_exclusive(best.gpus)
            self.findings.warnings.extend(tight(best.gpus, model, self.policy))
        self.findings.reasons.insert(0, about_model)
        outcome = self._from_image(best, best.image, model) if best.image else self._from_build(best, model)
        return replace(outcome, places=placement.places(best.gpus)) if placement else outcome

    def _lacks_servers(self, placement: Placement, gpus: tuple[HostGpu, ...]) -> bool:
        """A model that the policy names and nobody can ask is no plan."""
        unserved = placement.unserved(gpus)
        self.findings.reasons.extend(f"Model {name} would have no server." for name in unserved)
        return bool(unserved)

    def _leave_out(self, *left_out: LeftOut) -> None:
        self.left_out.extend(left_out)
        for item in left_out:
            self.findings.reject(None, item.code, item.reason)

    def _tell_left_out(self, gpu_serves: bool) -> None:
        """Beside GPUs that serve, one that does not is a warning, unless the policy wants it so."""
        findings = self.findings
        if gpu_serves:
            for item in self.left_out:
                told = findings.reasons if item.wanted else findings.warnings
                remedy = "" if item.wanted or not item.remedy else f" {item.remedy}"
                told.append(f"Left out: {item.reason}{remedy}")
        else:
            findings.reasons[:0] = [f"Left out: {item.reason}" for item in self.left_out]
            findings.remedies[:0] = [item.remedy for item in self.left_out if item.remedy]

    def _tell_unavailable(self, gpu_serves: bool) -> None:
        """GPUs that the driver does not offer are no GPUs to it, and a person has to hear of them all the same."""
        for code, reason in self.host.unavailable:
            self.findings.reject(None, code, reason)
            remedy = self.host.remedy_for(reason)
            if gpu_serves:
                self.findings.warnings.append(f"Not offered: {reason}" + (f" {remedy}" if remedy else ""))
                continue
            if f"Seen: {reason}" not in self.findings.reasons:
                self.findings.reasons.append(f"Not offered: {reason}")
            if remedy and remedy not in self.findings.remedies:
                self.findings.remedies.append(remedy)

    # Before any image is looked at.

    def _driver_answers(self, gpus: tuple[HostGpu, ...]) -> bool:
        driver, wanted = self.host.driver, self.policy.min_driver
        if not self.host.driver_answers:
            names = ", ".join(str(gpu) for gpu in gpus) or "an NVIDIA GPU"
            nouveau = (
                "; the nouveau driver, which knows no CUDA, holds the GPU" if self.host.flavor == "nouveau" else ""
            )
            code = DRIVER_NOT_ANSWERING if self.host.flavor in ("open", "proprietary") else DRIVER_MISSING
            reason = f"This host has {names} but no working NVIDIA driver{nouveau}."
            if self.host.has_problem("gpu_not_visible"):
                reason = "This host has NVIDIA's tools, and neither a driver nor a GPU that they could reach."
            self._stop(code, reason, gpus)
            return False
        if self.host.has_problem(LIBCUDA_MISSING):
            self._stop(LIBCUDA_MISSING, f"No CUDA program can start under {driver}: it has no libcuda.so.1.", gpus)
            return False
        if wanted and (driver.version is None or driver.version < wanted):
            reason = f"The policy asks for driver {wanted} or newer; this host has {driver}."
            limits = "".join(dict.fromkeys(ceiling(gpu.gpu) for gpu in gpus if gpu.known))
            remedy = f"Update the driver to ≥ {wanted}{limits}, or lower `min_driver`."
            self._stop(DRIVER_TOO_OLD, reason, gpus, remedy)
            return False
        if not self.host.gpus:
            reason = f"This host has an NVIDIA GPU, but {driver} offers none."
            self._stop(DRIVER_NOT_ANSWERING, reason, gpus, " ".join(why_not_offered(self.host)))
            return False
        return True

    def _stop(self, code: str, reason: str, gpus: tuple[HostGpu, ...], remedy: str | None = None) -> None:
        self.findings.reasons.append(reason)
        self.findings.reasons.extend(seen(self.host))
        self.findings.remedies.extend([remedy] if remedy else driver_remedies(self.host, gpus))
        for image in self.images:
            if image.runtime == "cuda" and not _superseded(image):
                self.findings.reject(image.reference, code, reason)
        self.findings.reject(LOCAL, code, reason)

    def _can_be_judged(self, gpu: HostGpu) -> bool:
        if gpu.known is not None and gpu.uuid is not None:
            return True
        driver = self.host.driver
        missing = "UUID" if gpu.known else "compute capability"
        code, reason = DRIVER_NOT_ANSWERING, f"{driver} does not answer for {gpu}: its {missing} is not known."
        remedies = why_not_offered(self.host)
        last = tables.last_branch_of(gpu.architecture)
        generation = generation_of(gpu.name) if gpu.known is None else None
        if generation is not None and not generation.served:
            oldest = str(tables.WHISPER_FIRST_COMPUTE_CAPABILITY)
            dead_end = (
                f"{gpu} cannot be served: driver branch {generation.last_branch} is the last for {generation.name}, "
                f"and whisper.cpp's CUDA code is made for compute capability {oldest} and newer."
            )
            self._leave_out(LeftOut(gpu, NO_CODE_FOR_GPU, dead_end, DEAD_END_REMEDY))
            return False
        if driver.branch is not None and last is not None and driver.branch > last:
            code, reason = BRANCH_DROPPED_GPU, f"{driver} no longer supports {gpu}: branch {last} is the last for it."
            remedies = [f"Install driver branch {last}."]
        else:
            reason = " ".join([reason, *seen(self.host)])
        self._leave_out(LeftOut(gpu, code, reason[0].upper() + reason[1:], " ".join(remedies)))
        return False

    # Once the best way is known.

    def _reject_lesser(self, best: Option, options: list[Option], gpus: tuple[HostGpu, ...]) -> None:
        """Images that would serve some of the GPUs are alternatives too, but not to an image that serves more."""
        most: dict[str, Option] = {}
        for option in options:
            if option.image is not None:
                most[option.image.reference] = option
        for option in most.values():
            if option.image is not None and option.image != best.image and len(option.gpus) < len(best.gpus):
                unserved = tuple(gpu for gpu in gpus if gpu not in option.gpus)
                reject_unserved(option.image, option.verdicts, unserved, self.findings, served=option.gpus)

    def _tell_exclusive(self, gpus: tuple[HostGpu, ...]) -> None:
        wanted = self.policy.instances_per_gpu
        for gpu in gpus:
            if instances_on(gpu, self.policy) < wanted:
                self.findings.warnings.append(
                    f"{gpu} is in an exclusive compute mode: it gets one server, not {wanted}. As root, "
                    "`nvidia-smi -i INDEX -c DEFAULT` would let it have more."
                )

    def _leave_unserved_out(self, best: Option, gpus: tuple[HostGpu, ...]) -> None:
        for gpu in gpus:
            if gpu not in best.gpus:
                code, sentence = refusal(best.verdicts[gpu])
                # The CPU is for hosts of which no GPU serves.
                remedy = (best.verdicts[gpu].remedy or "").replace(DEAD_END_REMEDY, "Use a newer GPU in its place.")
                if code == JIT_NOT_ALLOWED:
                    remedy = "Set `allow_jit: true` to have it served."
                elif code in (BRANCH_DROPPED_GPU, DRIVER_TOO_OLD) and not one_driver_serves(
                    each.gpu for each in (gpu, *best.gpus)
                ):
                    remedy = "No driver supports it together with the other GPUs of this host; serve it from another."
                self._leave_out(LeftOut(gpu, code, f"{gpu.uuid}: {sentence}", remedy))
            self.findings.warnings.extend(best.verdicts[gpu].beyond_tables if gpu in best.verdicts else ())

    def _from_build(self, option: Option, model: str) -> Outcome:
        build = option.build
        if build is None:
            raise ValueError("an option is an image or a build")
        findings = self.findings
        names = " and ".join(dict.fromkeys(str(gpu.gpu) for gpu in build.gpus))
        many = "it" if len(build.gpus) == 1 else "as many of them"
        why = f"no image in the catalogue can be used for {many} (`rejected` says why)"
        if self.policy.prefer == "local":
            why = "the policy says `prefer: local`"
        reasons = [f"The image is built on this host for {names} under {self.host.driver}, because {why}."]
        environment = {}
        if build.newer_than_driver:
            environment["NVIDIA_DISABLE_REQUIRE"] = "1"
            reasons.append(
                f"No base image to be had is as old as what the driver reports. CUDA {build.base.cuda} runs on it by "
                "minor-version compatibility; NVIDIA_DISABLE_REQUIRE lets the container start all the same."
            )
        else:
            reasons.append(
                f"Of the base images to be had, CUDA {build.base.cuda} is the newest that is not newer than what the "
                "driver reports and that compiles for "
                f"{'it' if len(build.targets) == 1 else 'all of them'}."
            )
        if option.measured:
            reasons.append("Measured: the image that was built carries SASS for every GPU served.")
        findings.reasons[:0] = reasons
        findings.warnings.extend(local_build.notes(build))
        return Outcome(
            verdict="native",
            runtime="cuda",
            origin="local",
            image=build.image,
            gpus=build.gpus,
            cuda_version=build.base.cuda,
            architectures=build.architectures,
            build={
                "base_images": {"build": build.base.build, "runtime": build.base.runtime},
                "options": build.options(self.policy.cpu_variants),
            },
            environment=tuple(environment.items()),
            model=model,
        )

    def _from_image(self, option: Option, image: Image, model: str) -> Outcome:
        findings, driver = self.findings, self.host.driver
        source = "Measured" if image.measured else "By its catalogue entry"
        reasons = [f"{source}, {image.reference} carries {image.code}."]
        reasons += dict.fromkeys(option.verdicts[gpu].sentence for gpu in option.gpus)
        environment: dict[str, str] = {}
        for problem in image.known_problems:
            environment.update(problem.environment)
            (reasons if problem.environment else findings.warnings).append(problem.message)
        findings.warnings.extend(image.problems)
        if image.code.cuda and driver.cuda and image.code.cuda.minor > driver.cuda:
            environment["NVIDIA_DISABLE_REQUIRE"] = "1"
            reasons.append(
                f"CUDA {image.code.cuda} is newer than what {driver} reports. It runs by minor-version "
                "compatibility; NVIDIA_DISABLE_REQUIRE lets the container start all the same."
            )
            if image.code.cuda.minor >= tables.COMPRESSED_FOR_SIZE_FROM:
                findings.warnings.append(
                    f"From CUDA {tables.COMPRESSED_FOR_SIZE_FROM} on device code may be compressed in a way "
                    f'that {driver} refuses with "{tables.CUDA_ERRORS[200]}"; the proof after the deployment shows it.'
                )
        findings.reasons[:0] = reasons
        return Outcome(
            verdict=max((option.verdicts[gpu].verdict for gpu in option.gpus), key=VERDICTS.index),
            runtime="cuda",
            origin="official",
            image=image.reference,
            gpus=option.gpus,
            cuda_version=image.cuda_version,
            environment=tuple(environment.items()),
            model=model,
        )
