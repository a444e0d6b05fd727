# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The images that can be pulled, as claims: what each carries, since when, and what is known to be wrong with it.

Derived from whisper.cpp's Dockerfiles and CMake files, not from the images; what ``cuda_image_info`` reads out of an
image replaces the claim. The list is in order of preference.
"""

from __future__ import annotations

from typing import Any

REPOSITORY = "ghcr.io/ggml-org/whisper.cpp"
SOURCE = "https://github.com/ggml-org/whisper.cpp/blob/master/.devops/main-cuda.Dockerfile"

# From 2024-03-20 to 2026-08-21 the runtime stage put /usr/local/cuda-*/compat first in LD_LIBRARY_PATH, and a copy
# pulled in that time may still be on the host. Where the image runs at all it does so on the host's own libcuda, so
# emptying the variable takes nothing away from anybody.
COMPAT_PATH = {
    "code": "compat_library_shadows_driver",
    "message": "Copies of this image from before 2026-08-21 put CUDA's compat library in front of the host's, "
    "which hides a GeForce GPU; LD_LIBRARY_PATH is emptied in the container.",
    "environment": {"LD_LIBRARY_PATH": ""},
    "rejects": False,
}
# Neither Dockerfile turns GGML_NATIVE off. Reported for the CPU image in #3510 and for the CUDA image in #3814, whose
# server loads a part of ggml's CPU code too.
NATIVE_CPU = {
    "code": "cpu_baseline_unknown",
    "message": "The official images are built for the processor of their build machine (GGML_NATIVE=ON): on one that "
    "lacks its instructions, AVX-512 for instance, the server stops with SIGILL (exit code 132). Use `prefer: local` "
    "there.",
    "environment": {},
    "rejects": False,
}


def _superseded(until: str) -> dict[str, Any]:
    return {
        "code": "superseded",
        "message": f"This image was last built on {until} and holds the whisper.cpp of that time. To use it all the "
        "same, name its tag under `extra_images`.",
        "environment": {},
        "rejects": True,
    }


def _without_server(until: str) -> dict[str, Any]:
    """The server was `server` until 2024-12-21 (2e59dced1) and has had /health since 2025-03-31 (88d13a17a)."""
    return {
        "code": "no_server",
        "message": f"This image was last built on {until}: it has no `whisper-server`, only the `server` of that time, "
        "which knows no /health. It cannot be deployed.",
        "environment": {},
        "rejects": True,
    }


def _ptx(isa: str, *targets: str) -> list[dict[str, str]]:
    return [{"arch": target, "isa": isa} for target in targets]


BUILT_IN: list[dict[str, Any]] = [
    {
        "name": "official CUDA image",
        "image": f"{REPOSITORY}:main-cuda",
        "runtime": "cuda",
        "cuda_version": "13.0.0",
        "sass": ["75", "80", "86", "90"],
        "ptx": _ptx("9.0", "75", "80", "86", "90"),
        "platforms": ["linux/amd64"],
        "since": "2025-08-13",
        "until": None,
        "source": SOURCE,
        "known_problems": [COMPAT_PATH, NATIVE_CPU],
    },
    {
        "name": "official CPU image",
        "image": f"{REPOSITORY}:main",
        "runtime": "cpu",
        "platforms": ["linux/amd64"],
        "since": "2023-12-30",
        "until": None,
        "source": SOURCE.replace("main-cuda", "main"),
        "known_problems": [NATIVE_CPU],
    },
    {
        "name": "official CPU image",
        "image": f"{REPOSITORY}:main-arm64",
        "runtime": "cpu",
        "platforms": ["linux/arm64"],
        "since": None,
        "until": None,
        "source": SOURCE.replace("main-cuda", "main"),
        "known_problems": [NATIVE_CPU],
    },
    {
        "name": "official CUDA image, 2025-06-25 to 2025-08-13",
        # The last commit before CUDA 13; whether this tag was published is not known.
        "image": f"{REPOSITORY}:main-cuda-5527454cdb3e15d7e2b8a6e2afcb58cb61651fd2",
        "runtime": "cuda",
        "cuda_version": "12.3.1",
        "sass": ["86", "89"],
        "ptx": _ptx("8.3", "50", "61", "70", "75", "80"),
        "platforms": ["linux/amd64"],
        "since": "2025-06-25",
        "until": "2025-08-13",
        "source": SOURCE,
        "whisper_version": "1.7.6",
        "known_problems": [_superseded("2025-08-13"), COMPAT_PATH, NATIVE_CPU],
    },
    {
        "name": "official CUDA image, 2024-06-26 to 2024-09-25",
        "image": f"{REPOSITORY}:main-cuda-<commit of 2024-06-26 to 2024-09-25>",
        "runtime": "cuda",
        "cuda_version": "12.3.1",
        "sass": ["50", "52", "53", "60", "61", "62", "70", "72", "75", "80", "86", "87", "89", "90"],
        "ptx": _ptx("8.3", "90"),
        "platforms": ["linux/amd64"],
        "since": "2024-06-26",
        "until": "2024-09-25",
        "source": SOURCE,
        "known_problems": [_without_server("2024-09-25"), COMPAT_PATH],
    },
    {
        "name": "official CUDA image, 2023-12-30 to 2024-06-26",
        "image": f"{REPOSITORY}:main-cuda-<commit of 2023-12-30 to 2024-06-26>",
        "runtime": "cuda",
        "cuda_version": "12.3.1",
        "sass": ["52"],
        "ptx": _ptx("8.3", "52"),
        "platforms": ["linux/amd64"],
        "since": "2023-12-30",
        "until": "2024-06-26",
        "source": SOURCE,
        "known_problems": [_without_server("2024-06-26"), COMPAT_PATH],
    },
]
