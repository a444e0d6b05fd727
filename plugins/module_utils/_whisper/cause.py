# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an inference did not run on the GPU: the likeliest cause by a problem code, with its remedy.

A pure function of what was seen. The order is that of certainty: what was said in plain words before what is inferred,
what is wrong with the host before what is wrong with the container.
"""

from __future__ import annotations

import re
from typing import Callable, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Problem
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import death, driver_rules
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.facts import Facts, against, first, problem

# Of what nvidia_gpu_info finds: what alone keeps every program off the GPU.
_DECISIVE = (
    "driver_library_mismatch",
    "gpu_lost",
    "nouveau_bound",
    "other_driver_bound",
    "driver_missing",
    "driver_not_loaded",
    "device_nodes_missing",
    "gpu_not_initialized",
    "no_permission",
    "nvml_unknown_error",
    "fabric_manager_not_ready",
    "libcuda_missing",
    "vgpu_without_cuda",
    "vgpu_unlicensed",
    "no_gpu",
)

# The CUDA runtime's own words (errors 209, 200, 222, 98) and ggml's.
_NO_CODE = re.compile(
    r"no kernel image is available|device kernel image is invalid|unsupported toolchain|invalid device function"
    r"|has no device code compatible"
)

Rule = Callable[[Facts], "Problem | None"]


def cause(facts: Facts) -> Problem:
    for rule in _RULES:
        found = rule(facts)
        if found:
            return found
    if not facts.transcribes:
        return problem(
            "transcript_missing",
            "The server gave no transcript, and neither its log nor its host says why.",
            "Read `docker logs` of its container. A server that is only slow needs a larger"
            " whisper_proof_timeout_seconds or a smaller model.",
        )
    return problem(
        "gpu_proof_missing",
        "The server transcribes, but nothing more can be learned of where.",
        "Let the proof read more: run it as root on the host itself, give it the container's name, and see that"
        " libnvidia-ml.so.1 or nvidia-smi works there.",
    )


def cause_of_end(facts: Facts) -> Problem | None:
    """Of a server on the CPU: why it ended; None where it did not."""
    if facts.ending is None:
        return None
    return death.illegal_instruction(facts) or death.resources(facts) or death.died(facts)


def _no_kernel_image(facts: Facts) -> Problem | None:
    said = first(_NO_CODE, against(facts))
    if said is None and facts.device_code != "none":
        return None
    return problem(
        "no_kernel_image",
        "The image has no device code that this GPU and driver can run"
        + (f": {said}." if said else ".")
        + death.how(facts),
        "Take an image with code for the GPU's compute capability, or let the host build its own:"
        " whisper_policy: {prefer: local}. `ansible-playbook playbooks/plan.yml` says which fits.",
    )


def _host(facts: Facts) -> Problem | None:
    for code in _DECISIVE:
        for found in facts.host_problems:
            if found.code == code:
                return found
    return None


def _switched_off(facts: Facts) -> Problem | None:
    # A wish proves nothing, but that there was none explains much.
    wished = facts.log.wished_for_gpu if facts.log else None
    if "--no-gpu" not in facts.command and "-ng" not in facts.command and wished is not False:
        return None
    return problem(
        "gpu_switched_off",
        "The server was started with --no-gpu.",
        "Run site.yml: it starts the server as the plan says.",
    )


def _no_gpu_given(facts: Facts) -> Problem | None:
    if facts.has_gpu is not False:
        return None
    return problem(
        "container_without_gpu",
        "The container was created without a GPU: by the wrong runtime, or with no device.",
        "Run site.yml: it creates the container with the GPU, by CDI or by the runtime nvidia (whisper_gpu_mode).",
    )


def _nodes_missing(facts: Facts) -> Problem | None:
    if facts.nodes_in_container is not False:
        return None
    return problem(
        "gpu_not_in_container",
        "The container was created with a GPU, but has no /dev/nvidiactl.",
        "The runtime nvidia starts a container without the GPU when the host's device nodes are missing: see that"
        " /dev/nvidia0 exists on the host (nvidia-modprobe, nvidia-persistenced), restart nvidia-cdi-refresh, then"
        " recreate the container by running site.yml.",
    )


def _cpu_only_image(facts: Facts) -> Problem | None:
    if facts.log is None or not facts.log.complete or facts.log.devices or facts.log.cuda_mb:
        return None
    if any("libggml-cuda" in path or "libcudart" in path for path in facts.libraries):
        return None
    if not facts.libraries or any("ggml_cuda" in said or "CUDA" in said for said in facts.log.negative):
        return None
    return problem(
        "cpu_only_image",
        "The server has loaded no CUDA code at all: the image, or its variant, is built for the CPU.",
        "Take an image built with GGML_CUDA (main-cuda, not main), or let the host build its own:"
        " whisper_policy: {prefer: local}.",
    )


def _never_reached(facts: Facts) -> Problem | None:
    said = (against(facts) if facts.ending else facts.log.negative if facts.log else [])[:1]
    if not said:
        return None
    return problem(
        "cuda_failed",
        f"CUDA did not come up in the server: {said[0]}.{death.how(facts)}",
        "Read `docker logs` of the container, and run `nvidia-smi` in it (docker exec); if that works, run site.yml"
        " again, which creates the container anew.",
    )


def _contradicted(facts: Facts) -> Problem | None:
    if facts.log is None or not facts.log.placed_on_gpu or facts.device_open is not False:
        return None
    return problem(
        "gpu_claim_contradicted",
        "The server says that its weights are on the GPU, but the kernel knows no NVIDIA device that it holds open.",
        "Nothing real stands behind the device: a stand-in for the driver, or a server that prints what it should"
        " not. Compare `ls -l /proc/PID/fd` with the log, and use an image that you know.",
    )


def _idle(facts: Facts) -> Problem | None:
    if not facts.transcribes:
        return None
    if facts.utilization is not False and facts.process_memory is not False and facts.device_open is not False:
        return None
    return problem(
        "gpu_not_used",
        "The server transcribes, and the GPU shows nothing of it: {}.".format(
            ", ".join(
                text
                for value, text in (
                    (facts.device_open, "its process holds no NVIDIA device open"),
                    (facts.process_memory, "no memory of its process"),
                    (facts.utilization, "no work while it transcribed"),
                )
                if value is False
            )
        ),
        "See on which GPU it runs (`nvidia-smi`), and whether the host has the UUID of the plan; run site.yml again.",
    )


_RULES: Sequence[Rule] = (
    _no_kernel_image,
    death.illegal_instruction,
    _host,
    _switched_off,
    driver_rules.compat_or_stale,
    driver_rules.fabric_manager,
    _no_gpu_given,
    _nodes_missing,
    driver_rules.driver_library_missing,
    driver_rules.driver_too_old,
    driver_rules.unknown_at_start,
    driver_rules.lost_to_a_reload,
    death.resources,
    death.died,
    _contradicted,
    _cpu_only_image,
    _never_reached,
    _idle,
)
