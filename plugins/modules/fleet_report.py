# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_report
short_description: Record the results of a host and render the fleet report
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Runs on the control node and asks nothing of the host.
  - Without O(render) it writes the host's record, C(hosts/<name>.json) below O(dir). What is not given stays as earlier
    runs have recorded it, with the time of that run.
  - With O(render) it makes C(fleet.html) and C(fleet.json) from the records. The page is one file that needs neither
    network nor server. All texts in it are escaped.
  - Its plots need matplotlib on the control node. Without it the page has tables only, and says so.
options:
  dir:
    description: Folder on the control node.
    type: path
    required: true
  gpu_info:
    description: The result of M(whisperops.gpu.nvidia_gpu_info).
    type: dict
  plan:
    description: The result of P(whisperops.gpu.deployment_plan#filter).
    type: dict
  image:
    description: The result of M(whisperops.gpu.cuda_image_info), or the part of it that is to be kept.
    type: dict
  proof:
    description: Results of M(whisperops.gpu.whisper_inference_info), one for each server, with the server as C(item).
    type: list
    elements: dict
  benchmark:
    description: What the benchmark measured.
    type: dict
  error:
    description: What is wrong with the host, where a play goes on after a failure.
    type: str
  unfinished:
    description: Hosts that did not get to the end of the run. Their records get an error. Needs O(render).
    type: list
    elements: str
    default: []
  render:
    description: Render the report instead of recording a host.
    type: bool
    default: false
  hosts:
    description: The hosts to show. Unset, all that have a record.
    type: list
    elements: str
attributes:
  check_mode:
    description: In check mode nothing is written, for a prediction is no result.
    support: full
  diff_mode:
    description: Files of the control node are no change to a host.
    support: none
"""

EXAMPLES = r"""
- name: Record the results of the host
  whisperops.gpu.fleet_report:
    dir: "{{ playbook_dir }}/reports"
    gpu_info: "{{ whisper_gpu_info }}"
    plan: "{{ whisper_plan }}"
    proof: "{{ whisper_proof_result.servers }}"

- name: Render the report
  whisperops.gpu.fleet_report:
    dir: "{{ playbook_dir }}/reports"
    render: true
  run_once: true
"""

RETURN = r"""
record:
  description: The host's record.
  returned: without O(render)
  type: str
  sample: /srv/deploy/reports/hosts/speech-1.json
html:
  description: The page.
  returned: with O(render)
  type: str
  sample: /srv/deploy/reports/fleet.html
json:
  description: The same as data.
  returned: with O(render)
  type: str
  sample: /srv/deploy/reports/fleet.json
hosts:
  description: How many hosts are on the page.
  returned: with O(render)
  type: int
  sample: 3
"""
