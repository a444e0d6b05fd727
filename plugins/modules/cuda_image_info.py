#!/usr/bin/python

# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cuda_image_info
short_description: Get the CUDA architectures of an image or a library
version_added: 0.1.0
description:
  - Reads the CUDA device code (SASS, PTX) that the ELF files of an image, a directory or a single library carry, and
    what else decides whether it will run on a GPU, that is its CUDA version, C(NVIDIA_REQUIRE_CUDA), and C(libcuda)
    files that would hide the host's own.
  - Nothing of the image is run, and no CUDA toolkit and no GPU is needed. Only headers are read, nothing is
    decompressed, so a library of 600 MB takes well under a second.
  - Each file, and all files together, may cost a bounded amount of time and memory. A file beyond that is a problem,
    V(inspection_limit), and the others are read all the same.
  - An image is read through the Docker Engine API from a container that is created, never started, and removed again.
  - A library without device code is an answer, with a problem that says so. Only an image or a path that does not
    exist, or an engine that does not answer, makes the module fail; the codes of RV(problems) are the same then.
author: The whisperops.gpu founders (@whisperops)
options:
  image:
    description:
      - Reference (C(NAME:TAG), C(NAME@sha256:DIGEST)) or id of an image that the host's engine has. It is not pulled.
      - Exactly one of O(image) and O(path) must be given.
    type: str
  path:
    description:
      - A library, program or object file on the host, or a directory that is taken as a root file system.
      - In a directory, as in an image, object files (C(.o)) and archives (C(.a)) are passed over, since no process
        loads them.
    type: path
  docker_host:
    description:
      - The engine's unix socket, as a C(unix://) URL. Only used with O(image).
    type: str
    default: unix:///var/run/docker.sock
  timeout:
    description:
      - Seconds that the engine may stay silent before the module gives up.
    type: int
    default: 300
attributes:
  check_mode:
    support: full
    description: The module does the same in check mode, and changes nothing in either.
  diff_mode:
    support: none
    description: There is no change of which it could show a difference.
seealso:
  - name: CUDA C++ Programming Guide, compute capabilities
    description: What runs on which GPU.
    link: https://docs.nvidia.com/cuda/cuda-c-programming-guide/
"""

EXAMPLES = r"""
- name: Get the CUDA architectures of the pulled image
  whisperops.gpu.cuda_image_info:
    image: ghcr.io/ggml-org/whisper.cpp:main-cuda
  register: image

- name: Assert that the image has code for a GTX 1080 (compute capability 6.1)
  ansible.builtin.assert:
    that: "'61' in image.complete"
    fail_msg: "{{ image.image_id }} carries {{ image.complete | join(', ') }}"

- name: Get the CUDA architectures of a library on the host
  whisperops.gpu.cuda_image_info:
    path: /usr/lib/x86_64-linux-gnu/ggml/backends0/libggml-cuda.so
  register: library

- name: Get the CUDA architectures of an image in a rootless Docker Engine
  whisperops.gpu.cuda_image_info:
    image: whisper-local:61-real
    docker_host: unix:///run/user/1000/docker.sock
"""

RETURN = r"""
libraries:
  description:
    - Every ELF file with CUDA device code, by path.
    - Where a file has linked and relocatable device code, only the linked is told, because only that is ever loaded
      (as C(cuobjdump) does without C(-all)).
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description:
        - Path inside the image or directory; as given, for a single file.
        - Bytes of a name that are not UTF-8 are told by their numbers, such as C(\xff).
      returned: always
      type: str
      sample: /usr/lib/x86_64-linux-gnu/ggml/backends0/libggml-cuda.so
    size_bytes:
      description: Size of the file.
      returned: always
      type: int
      sample: 574648920
    sass:
      description:
        - Architectures of its machine code, over all containers, as C(nvcc) writes them after C(sm_).
        - The device link step adds a stub of its own, often for C(nvcc)'s default architecture, and that is counted
          here too. Whether the library runs on a GPU is told by RV(libraries[].complete).
      returned: always
      type: list
      elements: str
      sample: ["86", "89"]
    ptx:
      description: Architectures and ISA versions of its PTX, over all containers.
      returned: always
      type: list
      elements: dict
      sample: [{"arch": "50", "isa": "8.4"}, {"arch": "61", "isa": "8.4"}]
    lto:
      description: Architectures of its intermediate code for link-time optimization, which no driver runs.
      returned: always
      type: list
      elements: str
      sample: []
    containers:
      description: Number of fat binary containers, one for each compiled source file.
      returned: always
      type: int
      sample: 145
    stub_containers:
      description:
        - How many of them hold no kernel, as the device link step adds them or a source file without kernels makes
          them.
        - A stub whose SASS is compressed cannot be told from other code and is not counted.
      returned: always
      type: int
      sample: 0
    complete:
      description:
        - The SASS architectures that every container with kernels holds. For each of these the library has all of its
          kernels.
        - Empty when the file is damaged, for what could not be read may lack any of them.
      returned: always
      type: list
      elements: str
      sample: ["86", "89"]
    complete_ptx:
      description: The same for PTX, with the newest ISA version of each architecture, which the driver must know to
        run all of it.
      returned: always
      type: list
      elements: dict
      sample: [{"arch": "50", "isa": "8.4"}, {"arch": "61", "isa": "8.4"}]
    relocatable:
      description: Whether its device code was never linked, so that no process can run it as it is.
      returned: always
      type: bool
      sample: false
    from_nvidia:
      description: Whether it is, by its name, one of NVIDIA's redistributable libraries (cuBLAS, cuDNN, NCCL, ...).
      returned: always
      type: bool
      sample: false
sass:
  description:
    - Union of RV(libraries[].sass) over the application's libraries.
    - NVIDIA's own libraries are left out, since they carry code for far more GPUs than the programs that use them.
      They do count when O(path) names one.
  returned: always
  type: list
  elements: str
  sample: ["86", "89"]
ptx:
  description: Union of RV(libraries[].ptx), over the same libraries as RV(sass).
  returned: always
  type: list
  elements: dict
  sample: [{"arch": "50", "isa": "8.4"}, {"arch": "61", "isa": "8.4"}]
complete:
  description: The SASS architectures for which every application library that has kernels is RV(libraries[].complete).
  returned: always
  type: list
  elements: str
  sample: ["86", "89"]
complete_ptx:
  description: The same for PTX.
  returned: always
  type: list
  elements: dict
  sample: [{"arch": "50", "isa": "8.4"}, {"arch": "61", "isa": "8.4"}]
cuda_version:
  description: The image's C(CUDA_VERSION), or else the version in the file name of the newest C(libcudart); null when
    there is neither.
  returned: always
  type: str
  sample: "12.4"
cuda_version_source:
  description: Where RV(cuda_version) was found, C(environment) or C(libcudart).
  returned: always
  type: str
  sample: libcudart
require_cuda:
  description: The image's C(NVIDIA_REQUIRE_CUDA), which the legacy container hook enforces and CDI does not.
  returned: always
  type: str
  sample: cuda>=12.4 brand=tesla,driver>=470,driver<471
compat_libraries:
  description:
    - The C(libcuda) files and links in it. One that the loader finds before the host's own is also reported as the
      problem V(compat_library_shadows_driver).
  returned: always
  type: list
  elements: str
  sample: [/usr/local/cuda-12.4/compat/libcuda.so.1]
cpu_baseline:
  description: V(all variants) when it has ggml's CPU code for several instruction sets; null when that cannot be known.
  returned: always
  type: str
  sample: all variants
environment:
  description: Those of the image's environment variables that matter to CUDA, ggml and the loader.
  returned: always
  type: dict
  sample: {"LD_LIBRARY_PATH": "/usr/local/cuda-12.4/compat"}
entrypoint:
  description: The image's entry point; null when it has none.
  returned: always
  type: list
  elements: str
  sample: [bash, -c]
cmd:
  description: The image's default command; null when it has none.
  returned: always
  type: list
  elements: str
  sample: [/bin/bash]
user:
  description: The user it runs as; null when it does not say, which means root.
  returned: always
  type: str
  sample: null
labels:
  description: The image's labels.
  returned: always
  type: dict
  sample: {}
platform:
  description: What it was built for.
  returned: always
  type: str
  sample: linux/amd64
image_id:
  description: The image's id.
  returned: always
  type: str
  sample: null
repo_digests:
  description: The digests under which registries know it. For a local build it is empty, or from Docker Engine 29 on
    the digest that a push would have.
  returned: always
  type: list
  elements: str
  sample: []
problems:
  description:
    - What stands in the way, as V(no_device_code), V(lto_only), V(device_code_not_linked), V(truncated),
      V(corrupt_elf), V(corrupt_fatbin), V(inspection_limit), V(unreadable),
      V(compat_library_shadows_driver), V(driver_library_in_image).
    - When the module fails, the one problem that made it fail, as V(image_not_found), V(path_not_found),
      V(unreadable), V(docker_unreachable), V(docker_permission_denied), V(docker_timeout),
      V(docker_host_unsupported), V(docker_error), V(container_left_behind), V(no_space).
  returned: always
  type: list
  elements: dict
  contains:
    code:
      description: What docs/troubleshooting lists it under.
      returned: always
      type: str
      sample: truncated
    message:
      description: What was seen.
      returned: always
      type: str
      sample: "/app/libggml-cuda.so: the section table ends at byte 14248, but the file ends at 9000"
    remedy:
      description: What to do about it.
      returned: always
      type: str
      sample: "Copy, pull or build the file again: its end is missing."
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._image import docker_api, inspection
from ansible_collections.whisperops.gpu.plugins.module_utils._image.problems import InspectionError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "image": {"type": "str"},
            "path": {"type": "path"},
            "docker_host": {"type": "str", "default": "unix:///var/run/docker.sock"},
            "timeout": {"type": "int", "default": 300},
        },
        mutually_exclusive=[("image", "path")],
        required_one_of=[("image", "path")],
        supports_check_mode=True,
    )
    try:
        if module.params["path"] is not None:
            result = inspection.inspect_path(module.params["path"])
        else:
            engine = docker_api.Engine(docker_api.socket_path(module.params["docker_host"]), module.params["timeout"])
            result = inspection.inspect_image(engine, module.params["image"], module.tmpdir)
    except InspectionError as error:
        failed = inspection.empty_result()
        failed["problems"] = [error.problem.as_dict()]
        module.fail_json(msg=f"{error.problem.message} {error.problem.remedy}", **failed)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
