# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the server and the driver do not come together: rules of `cause`. Private to this collection."""

from __future__ import annotations

import re

from ansible_collections.whisperops.gpu.plugins.module_utils._cuda.versions import driver_version_in
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import fabric
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import Problem
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.facts import Facts, against, first

# The CUDA runtime's own words (errors 803 and 804; 35; 802; 999, 304 and 800).
_COMBINATION = re.compile(r"unsupported display driver / cuda driver combination")
_FORWARD = re.compile(r"forward compatibility was attempted")
_OLD_DRIVER = re.compile(r"driver version is insufficient")
_NOT_READY = re.compile(r"system not yet initialized")
_UNKNOWN = re.compile(r"unknown error|OS call failed|operation not permitted", re.IGNORECASE)
_NO_LIBCUDA = re.compile(r"libcuda\.so(?:\.1)?: cannot open shared object file")

_STALE_LIST = (
    "The list of devices and libraries that containers get is older than the driver: `systemctl restart"
    " nvidia-cdi-refresh`, then remove the container and run site.yml, which creates it again."
)


def compat_or_stale(facts: Facts) -> Problem | None:
    """A libcuda of another version than the kernel module: from the image, or from the driver before this one."""
    combination, forward = first(_COMBINATION, against(facts)), first(_FORWARD, against(facts))
    loaded = next((path for path in facts.libraries if "libcuda.so" in path), None)
    if loaded is not None and "compat" in loaded.split("/"):
        return _compat(f"In the container a CUDA compat library comes before the driver's libcuda: {loaded}.")
    said = combination or forward
    if said is None:
        return None
    version = driver_version_in(loaded.rpartition(".so.")[2]) if loaded else None
    if version and facts.kernel_module and version != facts.kernel_module:
        return Problem.documented(
            "container_driver_stale",
            f"The container has the libcuda of driver {version}, and the kernel module that runs is"
            f" {facts.kernel_module}: {said}. The driver was changed after the container, or after the list that it"
            " was made by.",
            _STALE_LIST,
        )
    if combination:
        return Problem.documented(
            "container_driver_stale",
            f"The container's libcuda is not of the kernel module that runs: {combination}. Most likely the driver was"
            " changed after the container was made; a CUDA compat library in the image does the same.",
            f"{_STALE_LIST} If it stays, `docker exec CONTAINER ldconfig -p | grep libcuda` shows whether a compat"
            " library comes first (compat_library_shadows_driver).",
        )
    return _compat(
        "In the container a libcuda that is newer than the kernel module comes first, most likely a CUDA compat"
        f" library: {forward}. If the image has none, the driver was changed after the container was made"
        " (container_driver_stale)."
    )


def _compat(message: str) -> Problem:
    return Problem.documented(
        "compat_library_shadows_driver",
        message,
        "Compat libraries never work on GeForce. Start the container with an empty LD_LIBRARY_PATH (the plan's"
        " environment does), and remove /etc/ld.so.conf.d/*cuda_compat.conf from the image.",
    )


def fabric_manager(facts: Facts) -> Problem | None:
    said = first(_NOT_READY, against(facts))
    if said is None:
        return None
    found = fabric.not_ready(facts.fabric, facts.kernel_module)
    return Problem.documented(found.code, f"CUDA does not start on this host: {said}. {found.message}", found.remedy)


def driver_library_missing(facts: Facts) -> Problem | None:
    said = first(_NO_LIBCUDA, against(facts))
    if said is None:
        return None
    return _no_library(f"The container has no libcuda.so.1: {said}.")


def driver_too_old(facts: Facts) -> Problem | None:
    said = first(_OLD_DRIVER, facts.log.negative if facts.log else ())
    if said is None:
        return None
    if facts.libraries and not any("libcuda.so" in path for path in facts.libraries):
        return _no_library(f"The container has no libcuda.so.1, so that CUDA says: {said}.")
    return Problem.documented(
        "driver_too_old_for_image",
        f"The image's CUDA is newer than the host's driver: {said}.",
        "Run site.yml: it chooses an image that the driver can run. Or upgrade the driver.",
    )


def _no_library(message: str) -> Problem:
    return Problem.documented(
        "driver_library_not_in_container",
        message,
        "The toolkit brings it: NVIDIA_DRIVER_CAPABILITIES must have compute; restart nvidia-cdi-refresh after a"
        " change of driver, then recreate the container by running site.yml.",
    )


def unknown_at_start(facts: Facts) -> Problem | None:
    """cuInit's own `unknown error`: the container never had a GPU that works, however well nvidia-smi does in it."""
    said = first(_UNKNOWN, facts.log.negative if facts.log else ())
    if said is None:
        return None
    inside, kernel = facts.uvm_in_container, facts.uvm_of_kernel
    if inside is not None and kernel is not None and inside != kernel:
        why = f"/dev/nvidia-uvm has the number {inside} there, and the kernel gave the module {kernel}"
    else:
        why = "nvidia-smi may work there all the same, since it needs no /dev/nvidia-uvm"
    return Problem.documented(
        "cuda_unknown_error",
        f"CUDA does not start in the container: {said}. {why}.",
        f"{_STALE_LIST} If it stays: `modprobe nvidia-uvm` on the host; another version of the NVIDIA Container"
        " Toolkit (with 1.19.1 and 1.20.0 some hosts have this fault); after a `systemctl daemon-reload` in the mode"
        " legacy, site.yml with nvidia_container_toolkit_mode: cdi.",
    )


def lost_to_a_reload(facts: Facts) -> Problem | None:
    placed = facts.log is not None and facts.log.placed_on_gpu
    said = first(_UNKNOWN, against(facts))
    if said is None and not (placed and facts.device_open and facts.process_memory is False):
        return None
    return Problem.documented(
        "gpu_lost_in_container",
        "The container had the GPU and has lost it" + (f": {said}." if said else "."),
        "`systemctl daemon-reload` under the systemd cgroup driver does that to containers of the legacy hook:"
        " recreate the container by running site.yml, and give it the GPU by CDI (nvidia_container_toolkit_mode: cdi).",
    )
