#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server_proof
short_description: Prove that the servers of a host transcribe and use the planned GPUs
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Does what M(whisperops.gpu.whisper_inference_info) does with each server, one after another, and fails if one gives
    no transcript, another text, or does not use its GPU. The others are asked all the same.
  - Saves what it found to a JSON file, and as metrics to a file for the textfile collector of Prometheus'
    node_exporter. Both are replaced at once, never half written. Entries of other servers stay, as long as the host
    has a server on their port by O(endpoints).
  - It is a record of when something was seen, and no change to the host's configuration.
options:
  servers:
    description:
      - The servers, each with its C(url), and for one in a container with C(container).
      - One that has a C(gpu) must use it. C(device_code) is as in M(whisperops.gpu.whisper_inference_info).
    type: list
    elements: dict
    required: true
  known:
    description:
      - What M(whisperops.gpu.whisper_host_info) has proven in this run. Good proofs of all O(servers) are not made
        again.
    type: list
    elements: dict
    default: []
  audio:
    description: Path of the audio file on the host that runs the module. WAV, MP3, FLAC or OGG.
    type: path
    required: true
  expected_text:
    description: What is said in the file.
    type: str
    required: true
  similarity:
    description: Share of the words, from 0 to 1, that must come out right.
    type: float
    required: true
  language:
    description: Language of the speech, as the server takes it (V(de)). Unset, the server's own.
    type: str
  timeout_seconds:
    description: Seconds to wait for a server before it counts as failed.
    type: int
    default: 600
  watch_seconds:
    description: How long a GPU is watched at work.
    type: float
    default: 2.0
  docker_host:
    description: The engine of the containers.
    type: str
    default: unix:///run/docker.sock
  endpoints:
    description: File with the endpoints of the host's servers.
    type: path
    default: /etc/whisper/servers.json
  path:
    description: The JSON file.
    type: path
    default: /var/lib/whisper/proof.json
  metrics_path:
    description: The file with the metrics.
    type: path
    default: /var/lib/whisper/metrics/whisper_proof.prom
attributes:
  check_mode:
    support: full
    description: Asks the servers, and saves nothing.
  diff_mode:
    support: none
    description: There is always a new time in what it saves.
"""

EXAMPLES = r"""
- name: Verify the servers
  whisperops.gpu.server_proof:
    servers: "{{ whisper_server_endpoints }}"
    audio: /var/lib/whisper/speech/jfk.wav
    expected_text: >-
      And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country.
    similarity: 0.8
  register: proof
"""

RETURN = r"""
servers:
  description:
    - For each of O(servers) what M(whisperops.gpu.whisper_inference_info) returns, or its C(error) alone.
    - C(item) is the server.
  returned: when the servers were asked
  type: list
  elements: dict
  sample:
    - item: {container: whisper-server-0, gpu: null, port: 8080, url: "http://127.0.0.1:8080/v1/audio/transcriptions"}
      text: hello world check the speech model
      expected_similarity: 1.0
      gpu_used: null
      error: null
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import record
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.endpoints import PATH, EndpointsError, read
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.proof import proof_of


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "servers": {"type": "list", "elements": "dict", "required": True},
            "known": {"type": "list", "elements": "dict", "default": []},
            "audio": {"type": "path", "required": True},
            "expected_text": {"type": "str", "required": True},
            "similarity": {"type": "float", "required": True},
            "language": {"type": "str"},
            "timeout_seconds": {"type": "int", "default": 600},
            "watch_seconds": {"type": "float", "default": 2.0},
            "docker_host": {"type": "str", "default": "unix:///run/docker.sock"},
            "endpoints": {"type": "path", "default": PATH},
            "path": {"type": "path", "default": record.RECORD},
            "metrics_path": {"type": "path", "default": record.METRICS},
        },
        supports_check_mode=True,
    )
    given = module.params
    proofs = [proof_of(server, given) for server in given["servers"]]
    now = int(time.time())
    entries = [record.entry(server, proof, given["similarity"], now) for server, proof in zip(given["servers"], proofs)]
    try:
        ports = [server["port"] for server in read(given["endpoints"])]
    except EndpointsError:
        # Without the file, nothing says which earlier entries are of servers that are gone.
        ports = None
    try:
        if not module.check_mode:
            record.keep(entries, ports, given["path"], given["metrics_path"])
    except OSError as error:
        module.fail_json(msg=f"The record cannot be written: {error}", servers=proofs)
    module.exit_json(changed=False, servers=proofs)


if __name__ == "__main__":
    main()
