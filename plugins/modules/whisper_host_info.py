#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: whisper_host_info
short_description: Get the state of a host in a single round trip
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Reads, in one round trip, the GPUs and their driver, Docker Engine and what this collection has in it, packages,
    models, files, ports, free disk space, and what the last completed run has recorded.
  - Changes nothing. What it may not read, or what does not answer, is in RV(unseen), and is no failure.
  - M(whisperops.gpu.nvidia_gpu_info) returns the GPUs alone.
options:
  model_dir:
    description: Directory of the models.
    type: path
    default: /var/lib/whisper/models
  speech_dir:
    description: Directory of the reference audio.
    type: path
    default: /var/lib/whisper/speech
  docker_host:
    description: Socket of Docker Engine.
    type: str
    default: unix:///run/docker.sock
  assert_safe:
    description:
      - Whether to fail where a run of this collection would write on a host that others decide about.
      - V(directory_unsafe), where a directory of this collection is not root's alone, or is or holds a symbolic link.
      - V(server_user_taken), where somebody who can log in has the ID of O(server_user).
      - V(engine_rootless) or V(engine_elsewhere), where clients would use another Docker Engine than the host's own.
    type: bool
    default: false
  directories:
    description: Directories that O(assert_safe) checks, next to those whose place is fixed.
    type: list
    elements: path
    default: []
  server_user:
    description: User and group, as numbers, that servers run as.
    type: str
    default: "10001:10001"
  prove:
    description:
      - To prove the servers, too, and to record what was found. Nothing is proven in check mode.
    type: dict
    suboptions:
      audio:
        description: As M(whisperops.gpu.server_proof) takes it.
        type: path
        required: true
      expected_text:
        description: As M(whisperops.gpu.server_proof) takes it.
        type: str
        required: true
      similarity:
        description: As M(whisperops.gpu.server_proof) takes it.
        type: float
        required: true
      language:
        description: As M(whisperops.gpu.server_proof) takes it.
        type: str
      timeout_seconds:
        description: As M(whisperops.gpu.server_proof) takes it.
        type: int
        default: 60
      watch_seconds:
        description: As M(whisperops.gpu.server_proof) takes it.
        type: float
        default: 2.0
attributes:
  check_mode:
    support: full
    description: Changes nothing, so it does the same in check mode.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Get the state of the host
  whisperops.gpu.whisper_host_info:
  register: host
  become: true

- name: Show the parts that cannot be read
  ansible.builtin.debug:
    var: host.unseen
"""

RETURN = r"""
gpu:
  description: What M(whisperops.gpu.nvidia_gpu_info) returns.
  returned: success
  type: dict
distribution:
  description: C(id), C(version_id) and C(name) of C(/etc/os-release), and the processor's architecture as C(machine).
  returned: success
  type: dict
  sample: {id: debian, version_id: "13", name: Debian GNU/Linux 13 (trixie), machine: x86_64}
cores:
  description: Cores that the host can compute with. Two threads of one core count once.
  returned: success
  type: int
  sample: 8
packages:
  description:
    - Packages of Docker Engine and the NVIDIA Container Toolkit that are installed, each with its C(version), and
      whether it is C(held) (apt alone). V(null) where neither dpkg nor rpm is there to ask.
  returned: success
  type: dict
  sample: {docker.io: {version: 26.1.5+dfsg1-9+b9, held: false}}
engine:
  description:
    - Whether Docker Engine is C(installed), and C(version), C(storage_driver) and C(root) directory of one that
      answers (null otherwise), and whether it runs C(rootless).
    - C(limits) has the memory of the host as C(memory_total_mib), and whether the engine can limit C(memory), C(swap)
      and C(processes) of a container. Null where none answers.
  returned: success
  type: dict
  sample:
    installed: true
    version: 26.1.5+dfsg1
    storage_driver: overlay2
    root: /var/lib/docker
    rootless: false
    limits: {memory_total_mib: 64215, memory: true, swap: true, processes: true}
servers:
  description:
    - Containers of this collection, running or not, each with C(name), C(id), C(image), C(state), C(status), C(ports)
      of the host, and the labels C(server), C(model) and C(limits).
  returned: success
  type: list
  elements: dict
  sample: []
images:
  description: Images by tag and by digest, each with its ID.
  returned: success
  type: dict
  sample: {}
files:
  description: Files that the roles write, each with its SHA-256.
  returned: success
  type: dict
  sample: {}
speech:
  description: Reference audio, each file with its SHA-256.
  returned: success
  type: dict
  sample: {/var/lib/whisper/speech/jfk.wav: sha256:59dfb9a4acb36fe2a2affc14bacbee2920ff435cb13cc314a08c13f66ba7860e}
models:
  description: Models, each with its size and the time at which it was written.
  returned: success
  type: dict
  sample: {ggml-base.en.bin: 147964211 bytes of 1795376591000000000}
units:
  description: Units of systemd that matter, each with its state.
  returned: success
  type: dict
  sample: {docker.service: active}
firewall:
  description: SHA-256 of the servers' nftables table, V(missing) where there is none, V(null) where it cannot be seen.
  returned: success
  type: str
  sample: missing
ports:
  description: TCP ports on which something listens.
  returned: success
  type: list
  elements: int
  sample: [22, 8080]
free_mib:
  description: Free disk space in MiB, for Docker's directory and that of the models.
  returned: success
  type: dict
  sample: {/var/lib/docker: 81920, /var/lib/whisper/models: 81920}
selinux:
  description: V(enforcing), V(permissive) or V(disabled).
  returned: success
  type: str
  sample: disabled
applied:
  description: What the last completed run has recorded, null where none has. See M(whisperops.gpu.deployment_record).
  returned: success
  type: dict
plan:
  description: The plan by which the host serves, null where it does not serve yet.
  returned: success
  type: dict
crashed_images:
  description: Official images of which the servers have crashed on this host.
  returned: success
  type: dict
  sample: {}
lock:
  description: The run that holds the host, null where none does.
  returned: success
  type: dict
services:
  description:
    - What the roles C(whisper_gateway), C(whisper_api) and C(gpu_metrics) have installed. C(packages) with their
      versions (null where neither dpkg nor rpm is there to ask), C(units) with their states, C(files) with their
      SHA-256, and C(programs), the GPU exporters.
    - C(gateway) has the address on which the gateway listens, its servers, and the names of its clients, not their
      keys. Null where HAProxy has no configuration of the role.
  returned: success
  type: dict
  sample:
    packages: {haproxy: 3.0.11-1}
    units: {haproxy.service: active}
    files: {}
    programs: []
    gateway: {listen: "127.0.0.1:8000", servers: {gpu-1-0: "127.0.0.1:8080"}, clients: [newsroom]}
proofs:
  description: What was found of each server, with its C(url) and its C(gpu). See M(whisperops.gpu.server_proof).
  returned: success, with O(prove)
  type: list
  elements: dict
  sample: []
unseen:
  description: What could not be seen, and why.
  returned: success
  type: list
  elements: str
  sample: []
"""

import os
from typing import Any, Iterable, Mapping

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.detect import Detector
from ansible_collections.whisperops.gpu.plugins.module_utils._host import safety
from ansible_collections.whisperops.gpu.plugins.module_utils._host.observer import Observer
from ansible_collections.whisperops.gpu.plugins.module_utils._problem import InspectionError
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import program, record
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.endpoints import PATH, EndpointsError


def assert_safe(directories: Iterable[str], server_user: str) -> None:
    found = safety.Host().problem(directories, server_user, os.environ)
    if found:
        raise InspectionError(found)


def proofs(settings: Mapping[str, Any], docker_host: str) -> list[dict[str, Any]]:
    """Empty where nothing says which servers the host has."""
    places = {"docker_host": docker_host, "endpoints": PATH, "record": record.RECORD, "metrics": record.METRICS}
    try:
        found = program.prove_servers({**settings, **places})
    except EndpointsError:
        return []
    return [{**one.result, "url": one.server["url"], "gpu": one.server.get("gpu")} for one in found]


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "model_dir": {"type": "path", "default": "/var/lib/whisper/models"},
            "speech_dir": {"type": "path", "default": "/var/lib/whisper/speech"},
            "docker_host": {"type": "str", "default": "unix:///run/docker.sock"},
            "assert_safe": {"type": "bool", "default": False},
            "directories": {"type": "list", "elements": "path", "default": []},
            "server_user": {"type": "str", "default": "10001:10001"},
            "prove": {
                "type": "dict",
                "options": {
                    "audio": {"type": "path", "required": True},
                    "expected_text": {"type": "str", "required": True},
                    "similarity": {"type": "float", "required": True},
                    "language": {"type": "str"},
                    "timeout_seconds": {"type": "int", "default": 60},
                    "watch_seconds": {"type": "float", "default": 2.0},
                },
            },
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        if given["assert_safe"]:
            assert_safe([given["model_dir"], given["speech_dir"], *given["directories"]], given["server_user"])
        observed = Observer().observe(given["model_dir"], given["speech_dir"], given["docker_host"])
        if given["assert_safe"] and observed["engine"]["rootless"]:
            raise InspectionError(safety.engine_rootless(given["docker_host"]))
    except InspectionError as error:
        module.fail_json(msg=str(error.problem))
    if given["prove"] and not module.check_mode:
        observed["proofs"] = proofs(given["prove"], given["docker_host"])
    module.exit_json(changed=False, gpu=Detector().report("auto").to_dict(), **observed)


if __name__ == "__main__":
    main()
