# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an inference did not run on the GPU: the likeliest cause by a problem code, with its remedy.

A pure function of what was seen. The order is that of certainty: what was said in plain words before what is inferred,
what is wrong with the host before what is wrong with the container.
"""

from __future__ import annotations

import re
from typing import Callable, NamedTuple, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.model import Problem
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.log import ServerLog

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
    "no_gpu",
)

# The CUDA runtime's own words (errors 209, 200, 222; 803, 804; 35; 100; 999 and 304).
_NO_CODE = re.compile(r"no kernel image is available|device kernel image is invalid|unsupported toolchain")
_COMPAT = re.compile(r"forward compatibility was attempted|unsupported display driver / cuda driver combination")
_OLD_DRIVER = re.compile(r"driver version is insufficient")
_TAKEN_AWAY = re.compile(
    r"unknown error|OS call failed|system not yet initialized|operation not permitted", re.IGNORECASE
)


class Facts(NamedTuple):
    """What is known when a proof has failed. None: not known."""

    host_problems: Sequence[Problem] = ()
    log: ServerLog | None = None
    # What speaks against the GPU in the last lines, requests and earlier starts too.
    last_words: Sequence[str] = ()
    device_open: bool | None = None
    # Seen on the card: the server's memory, its work.
    process_memory: bool | None = None
    utilization: bool | None = None
    device_code: str | None = None
    command: Sequence[str] = ()
    # Whether the container was created with a GPU.
    has_gpu: bool | None = None
    # Whether it has /dev/nvidiactl now.
    nodes_in_container: bool | None = None
    # The files that the server's process has loaded.
    libraries: Sequence[str] = ()


Rule = Callable[[Facts], "Problem | None"]


def _problem(code: str, message: str, remedy: str) -> Problem:
    return Problem(code=code, message=message, remedy=f"{remedy} See docs/troubleshooting.md#{code}")


def cause(facts: Facts) -> Problem:
    for rule in _RULES:
        found = rule(facts)
        if found:
            return found
    return _problem(
        "gpu_proof_missing",
        "The server transcribes, but nothing more can be learned of where.",
        "Let the proof read more: run it as root on the host itself, give it the container's name, and see that"
        " libnvidia-ml.so.1 or nvidia-smi works there.",
    )


def _no_kernel_image(facts: Facts) -> Problem | None:
    said = _first(_NO_CODE, [*_against(facts), *facts.last_words])
    if said is None and facts.device_code != "none":
        return None
    return _problem(
        "no_kernel_image",
        "The image has no device code that this card and driver can run" + (f": {said}." if said else "."),
        "Take an image with code for the card's compute capability, or let the host build its own:"
        " whisper_policy: {prefer: local}. `ansible-playbook playbooks/plan.yml` says which fits.",
    )


def _host(facts: Facts) -> Problem | None:
    for code in _DECISIVE:
        for problem in facts.host_problems:
            if problem.code == code:
                return problem
    return None


def _switched_off(facts: Facts) -> Problem | None:
    # A wish proves nothing, but that there was none explains much.
    wished = facts.log.wished_for_gpu if facts.log else None
    if "--no-gpu" not in facts.command and "-ng" not in facts.command and wished is not False:
        return None
    return _problem(
        "gpu_switched_off",
        "The server was started with --no-gpu.",
        "Run site.yml: it starts the server as the plan says.",
    )


def _compat_library(facts: Facts) -> Problem | None:
    said = _first(_COMPAT, [*_against(facts), *facts.last_words])
    loaded = next((path for path in facts.libraries if "libcuda.so" in path and "compat" in path.split("/")), None)
    if said is None and loaded is None:
        return None
    return _problem(
        "compat_library_shadows_driver",
        f"In the container a CUDA compat library comes before the driver's libcuda: {loaded or said}.",
        "Compat libraries never work on GeForce. Start the container with an empty LD_LIBRARY_PATH (the plan's"
        " environment does), and remove /etc/ld.so.conf.d/*cuda_compat.conf from the image.",
    )


def _no_gpu_given(facts: Facts) -> Problem | None:
    if facts.has_gpu is not False:
        return None
    return _problem(
        "container_without_gpu",
        "The container was created without a GPU: by the wrong runtime, or with no device.",
        "Run site.yml: it creates the container with the GPU, by CDI or by the runtime nvidia (whisper_gpu_mode).",
    )


def _nodes_missing(facts: Facts) -> Problem | None:
    if facts.nodes_in_container is not False:
        return None
    return _problem(
        "gpu_not_in_container",
        "The container was created with a GPU, but has no /dev/nvidiactl.",
        "The runtime nvidia starts a container without the GPU when the host's device nodes are missing: see that"
        " /dev/nvidia0 exists on the host (nvidia-modprobe, nvidia-persistenced), restart nvidia-cdi-refresh, then"
        " recreate the container by running site.yml.",
    )


def _driver_too_old(facts: Facts) -> Problem | None:
    said = _first(_OLD_DRIVER, _against(facts))
    if said is None:
        return None
    if facts.libraries and not any("libcuda.so" in path for path in facts.libraries):
        return _problem(
            "driver_library_not_in_container",
            f"The container has no libcuda.so.1, so that CUDA says: {said}.",
            "The toolkit brings it: NVIDIA_DRIVER_CAPABILITIES must have compute; restart nvidia-cdi-refresh after a"
            " change of driver, then recreate the container by running site.yml.",
        )
    return _problem(
        "driver_too_old_for_image",
        f"The image's CUDA is newer than the host's driver: {said}.",
        "Run site.yml: it chooses an image that the driver can run. Or upgrade the driver.",
    )


def _cpu_only_image(facts: Facts) -> Problem | None:
    if facts.log is None or not facts.log.complete or facts.log.devices or facts.log.cuda_mb:
        return None
    if any("libggml-cuda" in path or "libcudart" in path for path in facts.libraries):
        return None
    if not facts.libraries or any("ggml_cuda" in said or "CUDA" in said for said in facts.log.negative):
        return None
    return _problem(
        "cpu_only_image",
        "The server has loaded no CUDA code at all: the image, or its variant, is built for the CPU.",
        "Take an image built with GGML_CUDA (main-cuda, not main), or let the host build its own:"
        " whisper_policy: {prefer: local}.",
    )


def _lost_to_a_reload(facts: Facts) -> Problem | None:
    placed = facts.log is not None and facts.log.placed_on_gpu
    said = _first(_TAKEN_AWAY, [*_against(facts), *facts.last_words])
    if said is None and not (placed and facts.device_open and facts.process_memory is False):
        return None
    return _problem(
        "gpu_lost_in_container",
        "The container had the GPU and has lost it" + (f": {said}." if said else "."),
        "`systemctl daemon-reload` under the systemd cgroup driver does that to containers of the legacy hook:"
        " recreate the container by running site.yml, and give it the GPU by CDI (nvidia_container_toolkit_mode: cdi).",
    )


def _never_reached(facts: Facts) -> Problem | None:
    said = facts.log.negative[0] if facts.log and facts.log.negative else None
    if said is None:
        return None
    return _problem(
        "cuda_failed",
        f"CUDA did not come up in the server: {said}.",
        "Read `docker logs` of the container, and run `nvidia-smi` in it (docker exec); if that works, run site.yml"
        " again, which creates the container anew.",
    )


def _contradicted(facts: Facts) -> Problem | None:
    if facts.log is None or not facts.log.placed_on_gpu or facts.device_open is not False:
        return None
    return _problem(
        "gpu_claim_contradicted",
        "The server says that its weights are on the GPU, but the kernel knows no NVIDIA device that it holds open.",
        "Nothing real stands behind the device: a stand-in for the driver, or a server that prints what it should"
        " not. Compare `ls -l /proc/PID/fd` with the log, and use an image that you know.",
    )


def _idle(facts: Facts) -> Problem | None:
    if facts.utilization is not False and facts.process_memory is not False and facts.device_open is not False:
        return None
    return _problem(
        "gpu_not_used",
        "The server transcribes, and the card shows nothing of it: {}.".format(
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
        "See on which card it runs (`nvidia-smi`), and whether the host has the UUID of the plan; run site.yml again.",
    )


_RULES: Sequence[Rule] = (
    _no_kernel_image,
    _host,
    _switched_off,
    _compat_library,
    _no_gpu_given,
    _nodes_missing,
    _driver_too_old,
    _lost_to_a_reload,
    _contradicted,
    _cpu_only_image,
    _never_reached,
    _idle,
)


def _against(facts: Facts) -> list[str]:
    return list(facts.log.negative) if facts.log else []


def _first(pattern: re.Pattern[str], lines: Sequence[str]) -> str | None:
    return next((line for line in lines if pattern.search(line)), None)
