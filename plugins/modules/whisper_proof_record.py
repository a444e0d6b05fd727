#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: whisper_proof_record
short_description: Save the latest proof of each whisper.cpp server on the host
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Writes what M(whisperops.gpu.whisper_inference_info) found to a JSON file, and as metrics to a file for the textfile
    collector of Prometheus' node_exporter. Both are replaced at once, never half written.
  - Entries of other servers stay, as long as the plan on the host has a server on their port.
  - It is a record of when something was seen, so it changes with every run.
options:
  proofs:
    description: The servers and what was found.
    type: list
    elements: dict
    required: true
    suboptions:
      server:
        description: The server, with C(container), C(url) and C(gpu).
        type: dict
        required: true
      result:
        description: The result of M(whisperops.gpu.whisper_inference_info) for it.
        type: dict
        required: true
  similarity:
    description: Share of the words, from 0 to 1, that must come out right.
    type: float
    required: true
  plan:
    description: Where the plan is kept.
    type: path
    default: /etc/whisper/plan.json
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
    description: Writes nothing in check mode.
  diff_mode:
    support: none
    description: There is always a new time in it.
"""

EXAMPLES = r"""
- name: Save the proof
  whisperops.gpu.whisper_proof_record:
    proofs:
      - server: {container: whisper-server-0, url: "http://127.0.0.1:8080/v1/audio/transcriptions", gpu: null}
        result: "{{ inference }}"
    similarity: 0.8
"""

RETURN = r"""
servers:
  description: The entries made.
  returned: success
  type: list
  elements: dict
  sample:
    - container: whisper-server-0
      port: 8080
      gpu: null
      success: true
      gpu_used: false
      checked_at: 1795376591
      similarity: 1.0
      real_time_factor: 0.175
      missing: []
      code: null
      error: null
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import record
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.servers import PLAN, PlanError, read_plan


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "proofs": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "server": {"type": "dict", "required": True},
                    "result": {"type": "dict", "required": True},
                },
            },
            "similarity": {"type": "float", "required": True},
            "plan": {"type": "path", "default": PLAN},
            "path": {"type": "path", "default": record.RECORD},
            "metrics_path": {"type": "path", "default": record.METRICS},
        },
        supports_check_mode=True,
    )
    given = module.params
    now = int(time.time())
    new = [record.entry(proof["server"], proof["result"], given["similarity"], now) for proof in given["proofs"]]
    try:
        ports = [int(server["port"]) for server in read_plan(given["plan"])["servers"]]
    except PlanError:
        # The role may be used without a plan on the host: then nothing says which earlier entries are over.
        ports = None
    try:
        if not module.check_mode:
            record.keep(new, ports, given["path"], given["metrics_path"])
    except OSError as error:
        module.fail_json(msg=f"The record cannot be written: {error}")
    module.exit_json(changed=True, servers=new)


if __name__ == "__main__":
    main()
