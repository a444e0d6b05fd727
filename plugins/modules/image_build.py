#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_build
short_description: Build an image with Docker and show the progress
version_added: 0.1.0
description:
  - Internal to this collection, and may change in any release.
  - Runs C(docker build) on the host, in the background, and says every few seconds in the output of
    C(ansible-playbook) how far it is.
  - A build that is under way already, because the run that started it was ended or because somebody else deploys at the
    same time, is waited for instead of being started twice.
  - A build that fails ends with the compiler's own words. Its whole log is in the file C(build.log) in O(path).
  - Steps of the build go through the proxies that C(http_proxy), C(https_proxy) and C(no_proxy) of the task's
    environment name.
  - Always builds when it is called. What was built before comes from Docker's cache.
options:
  path:
    description:
      - Folder on the host with the C(Dockerfile) and what it copies.
      - The log and the state of the build are kept in it.
    type: path
    required: true
  image:
    description: Name and tag of the image.
    type: str
    required: true
  docker_config:
    description: Folder for the files of Docker's client, which else leaves them in the user's home.
    type: path
  jobs:
    description:
      - How many compilers may run at once. The build gets it as the argument C(BUILD_JOBS), which the C(Dockerfile)
        declares.
      - V(0) takes one for each processor, and no more than have O(memory_per_job_mib) of the memory that is available.
    type: int
    default: 0
  memory_per_job_mib:
    description: Memory in MiB that a compiler takes.
    type: int
    default: 1024
  network:
    description:
      - Network of the build's steps.
      - V(host) is for hosts whose containers reach less than they do. These are hosts with IPv6 only, and those whose
        proxy listens on loopback.
    type: str
    choices: [default, host]
    default: default
  secrets:
    description:
      - What steps of the build read with C(RUN --mount=type=secret), from the secret's ID to its content.
      - No layer, label, history or log has it. While the build runs, it is in files that root alone can read.
    type: dict
    default: {}
  interval:
    description: Seconds between two looks at the build.
    type: int
    default: 5
  phase:
    description: Set by the action plugin, which looks from the control node. Of no use in a playbook.
    type: str
    choices: [start, look]
    default: start
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: none
seealso:
  - module: community.docker.docker_image_build
author:
  - The whisperops.gpu founders (@whisperops)
"""

EXAMPLES = r"""
- name: Build the image
  whisperops.gpu.image_build:
    path: /var/cache/whisperops/build
    image: whisperops/whisper.cpp:cuda12.4.1-61
"""

RETURN = r"""
image:
  description: The image that was built.
  returned: always
  type: str
  sample: whisperops/whisper.cpp:cuda12.4.1-61
log:
  description: The build's log, on the host.
  returned: always
  type: str
  sample: /var/cache/whisperops/build/build.log
seconds:
  description: How long the build took, or was waited for.
  returned: when the build ended
  type: float
  sample: 512.4
rc:
  description: What C(docker build) exited with; null where it was ended from outside.
  returned: when the build ended
  type: int
  sample: 0
"""

import os
from pathlib import Path
from typing import Mapping

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._build import build_jobs, build_log, build_run
from ansible_collections.whisperops.gpu.plugins.module_utils._system.passwords import hidden, hidden_of


def shown(text: str, secrets: Mapping[str, str]) -> str:
    """Without the credentials of the secrets, which are URLs, and of all other URLs."""
    for value in secrets.values():
        text = hidden_of(text, value)
    return hidden(text)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "image": {"type": "str", "required": True},
            "docker_config": {"type": "path"},
            "jobs": {"type": "int", "default": 0},
            "memory_per_job_mib": {"type": "int", "default": 1024},
            "network": {"type": "str", "choices": ["default", "host"], "default": "default"},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "interval": {"type": "int", "default": 5},
            "phase": {"type": "str", "choices": ["start", "look"], "default": "start"},
        },
        supports_check_mode=True,
    )
    folder, image = Path(module.params["path"]), module.params["image"]
    result = {"changed": True, "image": image, "log": str(folder / build_run.LOG)}
    if module.check_mode:
        module.exit_json(**result)
    secrets = {str(name): str(value) for name, value in module.params["secrets"].items()}
    run = build_run.look(folder)
    if module.params["phase"] == "start" and not (run and run.running):
        environment = {"DOCKER_BUILDKIT": "1"}
        if module.params["docker_config"]:
            environment["DOCKER_CONFIG"] = module.params["docker_config"]
        jobs = module.params["jobs"] or build_jobs.of_this_host(module.params["memory_per_job_mib"])
        docker = module.get_bin_path("docker", required=True)
        options = [f"--build-arg=BUILD_JOBS={jobs}", *build_run.options(module.params["network"], os.environ)]
        options += build_run.secret_options(folder, secrets)
        command = [docker, "build", "--progress=plain", *options, "--tag", image, "."]
        build_run.start(folder, image, command, environment, secrets)
        run = build_run.look(folder)
    if not (run and run.running):
        build_run.remove_secrets(folder)
    lines = build_run.log_lines(folder)
    failed = build_log.failure(lines, run.rc) if run and not run.running and run.rc != 0 else None
    progress = build_log.progress(lines)
    module.exit_json(
        building=run.image if run else None,
        running=bool(run and run.running),
        rc=run.rc if run else None,
        progress=progress._replace(doing=hidden(progress.doing))._asdict(),
        failure=shown(f"{failed.code}: {failed.message}\n{failed.remedy}", secrets) if failed else None,
        **result,
    )


if __name__ == "__main__":
    main()
