#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nvidia_gpu_info
short_description: Get the NVIDIA GPUs, the driver and the problems of a host
version_added: 0.1.0
description:
  - Reports the NVIDIA GPUs of a host, their driver, and the problems that would keep a container from using them.
  - It never fails because a GPU, a driver or a tool is missing. What it misses, it returns as RV(problems), each
    with a remedy.
  - What a backend cannot know is V(null), never a guess.
  - It changes nothing and needs no privileges beyond what the driver asks for, which normally is none.
options:
  backend:
    description:
      - Where the facts come from.
      - V(auto) takes the first that reaches the driver, V(nvml), then V(nvidia_smi), and otherwise V(sysfs).
      - V(nvml) is the driver's own library, C(libnvidia-ml.so.1), which comes with every driver. The Python package
        C(nvidia-ml-py) is used where it is installed, and not needed.
      - V(nvidia_smi) is the tool C(nvidia-smi).
      - V(sysfs) is what the kernel tells without any NVIDIA software. It knows the devices, not what they can do.
      - Any value but V(auto) is used alone, whether it works or not. The kernel is asked about the PCI bus and the
        loaded kernel module in any case.
    type: str
    choices: [auto, nvml, nvidia_smi, sysfs]
    default: auto
attributes:
  check_mode:
    description: Can run in check mode and return what it would return outside of it.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: none
notes:
  - Process IDs are those of the host. Inside a container with a process namespace of its own they mean nothing.
author:
  - The whisperops.gpu founders (@whisperops)
"""

EXAMPLES = r"""
- name: Get the GPUs of the host
  whisperops.gpu.nvidia_gpu_info:
  register: gpu_info

- name: Show the problems of the host and the remedies
  ansible.builtin.debug:
    msg: "{{ item.message }} {{ item.remedy }}"
  loop: "{{ gpu_info.problems }}"
  loop_control:
    label: "{{ item.code }}"

- name: Assert that the driver libraries match the loaded kernel module
  ansible.builtin.assert:
    that: "'driver_library_mismatch' not in gpu_info.problems | map(attribute='code')"

- name: Get the GPUs from the PCI bus and the kernel only
  whisperops.gpu.nvidia_gpu_info:
    backend: sysfs
"""

RETURN = r"""
machine:
  description:
    - The host's hardware as the kernel names it, such as V(x86_64) or V(aarch64). Images are made for one of them.
    - V(null) where Python cannot tell.
  returned: always
  type: str
  sample: x86_64
gpu_present:
  description:
    - Whether there is an NVIDIA display device, even one without a driver.
    - Also where the PCI bus shows none, and WSL's libraries, a Tegra's kernel or a tool of NVIDIA's that fails say that
      there should be one.
  returned: always
  type: bool
  sample: true
driver:
  description: The NVIDIA driver.
  returned: always
  type: dict
  contains:
    version:
      description: Version of the driver, V(null) where none answers or is loaded.
      returned: always
      type: str
      sample: 550.163.01
    branch:
      description:
        - The first group of the version.
        - Under WSL, where Windows numbers the drivers otherwise, the branch of the CUDA version that the driver
          reports.
      returned: always
      type: str
      sample: "550"
    flavor:
      description:
        - V(proprietary) or V(open) for NVIDIA's kernel modules, V(nouveau), or V(none).
        - V(null) where an NVIDIA driver answers and the kernel does not tell which it is.
      returned: always
      type: str
      sample: proprietary
    kernel_module_version:
      description: Version of the kernel module that is loaded.
      returned: always
      type: str
      sample: 550.163.01
    library_version:
      description:
        - Version of the driver's libraries on the host.
        - It differs from the module's after an upgrade without a reboot.
      returned: always
      type: str
      sample: 550.163.01
cuda_driver_version:
  description: The newest CUDA version that the driver supports.
  returned: always
  type: str
  sample: "12.4"
gpus:
  description:
    - The GPUs in the driver's order.
    - Where no driver answers, the devices on the PCI bus with what the kernel knows of them.
  returned: always
  type: list
  elements: dict
  contains:
    index:
      description: NVML's index. It may change with a reboot, so address GPUs by their UUID.
      returned: always
      type: int
      sample: 0
    uuid:
      description: UUID of the GPU.
      returned: always
      type: str
      sample: GPU-00001080-0000-0000-0000-000000000000
    name:
      description: Name of the product.
      returned: always
      type: str
      sample: NVIDIA GeForce GTX 1080
    pci_bus_id:
      description: PCI address in the form that nvidia-smi uses.
      returned: always
      type: str
      sample: "00000000:01:00.0"
    compute_capability:
      description: Compute capability.
      returned: always
      type: str
      sample: "6.1"
    architecture:
      description: Name of the architecture in lower case.
      returned: always
      type: str
      sample: pascal
    memory_total_mib:
      description:
        - Memory of the GPU.
        - A GPU that shares the host's memory (Jetson, GB10) has the host's, as C(/proc/meminfo) tells it. The same
          holds for what is in use and what is free of it.
      returned: always
      type: int
      sample: 8192
    memory_used_mib:
      description: Memory in use. What the driver reserves for itself is apart from it where the driver tells it apart.
      returned: always
      type: int
      sample: 488
    memory_free_mib:
      description: Memory that is free.
      returned: always
      type: int
      sample: 7630
    utilization_percent:
      description: Share of the last sampling period in which the GPU was busy.
      returned: always
      type: int
      sample: 3
    temperature_c:
      description: Temperature of the GPU in degrees Celsius.
      returned: always
      type: int
      sample: 41
    power_w:
      description: Power draw in watts.
      returned: always
      type: float
      sample: 9.51
    persistence_mode:
      description: Whether the driver keeps an idle GPU initialized.
      returned: always
      type: bool
      sample: false
    compute_mode:
      description:
        - V(default), V(exclusive_process), V(exclusive_thread) or V(prohibited). With V(prohibited) no program may
          compute on the GPU, with the exclusive ones a single program.
      returned: always
      type: str
      sample: default
    virtualization:
      description: V(none), V(passthrough), V(vgpu) in a virtual machine, V(host_vgpu) or V(host_vsga) on its host.
      returned: always
      type: str
      sample: none
    vgpu_license:
      description:
        - V(licensed), V(unlicensed), V(unlicensed_restricted) or V(unlicensed_unrestricted) for a vGPU. Otherwise
          V(null).
      returned: always
      type: str
      sample: licensed
    mig_mode:
      description: Whether MIG is on. V(null) for a GPU that has no MIG mode.
      returned: always
      type: bool
      sample: false
    mig_devices:
      description: MIG devices of the GPU. V(null) where they cannot be listed.
      returned: always
      type: list
      elements: dict
      sample: []
      contains:
        uuid:
          description: UUID of the MIG device.
          returned: always
          type: str
          sample: MIG-3f0c8e3b-7c1d-5a52-9f0e-5f1c6c1f0a01
        name:
          description: Its profile.
          returned: always
          type: str
          sample: MIG 3g.71gb
        memory_total_mib:
          description: Memory of the GPU instance.
          returned: always
          type: int
          sample: 71167
        memory_used_mib:
          description: Memory of the GPU instance in use.
          returned: always
          type: int
          sample: 16
        memory_free_mib:
          description: Memory of the GPU instance that is free.
          returned: always
          type: int
          sample: 71151
        gpu_instance_id:
          description: GPU instance that the device is part of. Devices of one GPU instance share its memory.
          returned: always
          type: int
          sample: 1
        compute_instance_id:
          description: Compute instance of the device within its GPU instance.
          returned: always
          type: int
          sample: 0
    processes:
      description: Processes that use the GPU. V(null) where they cannot be listed.
      returned: always
      type: list
      elements: dict
      sample:
        - pid: 4242
          name: /app/build/bin/whisper-server
          used_memory_mib: 412
          container_id: 0f3a0a3dcf0c4f9a6ce1c1a6f2a9a0c55b6c4aeb6ee3ac0f5fd1f0f2f6b5a7d1
      contains:
        pid:
          description: Process ID on the host.
          returned: always
          type: int
          sample: 4242
        name:
          description: Name of the program.
          returned: always
          type: str
          sample: /app/build/bin/whisper-server
        used_memory_mib:
          description: GPU memory of the process.
          returned: always
          type: int
          sample: 412
        container_id:
          description: Full ID of the container that the process belongs to, V(null) for none.
          returned: always
          type: str
          sample: 0f3a0a3dcf0c4f9a6ce1c1a6f2a9a0c55b6c4aeb6ee3ac0f5fd1f0f2f6b5a7d1
        gpu_instance_id:
          description: GPU instance of a process that runs on a MIG device.
          returned: always
          type: int
          sample: 1
unavailable_gpus:
  description:
    - GPUs that are on the PCI bus or counted by the driver, and cannot be used. They are not among RV(gpus).
  returned: always
  type: list
  elements: dict
  sample: []
  contains:
    index:
      description: NVML's index, V(null) for a GPU that the driver does not count.
      returned: always
      type: int
      sample: 2
    pci_bus_id:
      description: PCI address, V(null) where it is not known.
      returned: always
      type: str
      sample: "00000000:B1:00.0"
    name:
      description: Name of the product, V(null) where it is not known.
      returned: always
      type: str
      sample: NVIDIA GeForce RTX 3090
    code:
      description: Code of the problem.
      returned: always
      type: str
      sample: gpu_not_answering
    reason:
      description: What was seen.
      returned: always
      type: str
      sample: GPU 2 00000000:B1:00.0 does not answer its driver (Unknown Error).
source:
  description: The backend that the facts come from, V(nvml), V(nvidia_smi) or V(sysfs).
  returned: always
  type: str
  sample: nvml
problems:
  description: What is in the way of using the GPUs from containers, each with a remedy. Empty where nothing is.
  returned: always
  type: list
  elements: dict
  sample:
    - code: no_gpu
      message: The PCI bus has no NVIDIA display device (vendor 0x10de, class 0x03xxxx).
      remedy: "Plan this host for the CPU. See docs/troubleshooting.md#no_gpu"
  contains:
    code:
      description: Stable name of the problem, a heading in the troubleshooting guide.
      returned: always
      type: str
      sample: no_gpu
    message:
      description: What was seen.
      returned: always
      type: str
      sample: The PCI bus has no NVIDIA display device (vendor 0x10de, class 0x03xxxx).
    remedy:
      description: What to do about it.
      returned: always
      type: str
      sample: Enable the service nvidia-persistenced. See docs/troubleshooting.md#persistence_off
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.detect import (
    BACKENDS,
    Detector,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={"backend": {"type": "str", "choices": list(BACKENDS), "default": "auto"}},
        supports_check_mode=True,
    )
    module.exit_json(changed=False, **Detector().report(module.params["backend"]).to_dict())


if __name__ == "__main__":
    main()
