#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_summary
short_description: Show the summaries of hosts as one table
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - Runs on the control node and asks nothing of the hosts.
  - Gives the callback P(whisperops.gpu.summary#callback) what it prints after the recap. Where that is not enabled, the
    table is shown at once. What hosts answered is shown without control characters.
options:
  hosts:
    description:
      - The hosts, in their order. A host without the fact C(whisper_summary) is left out.
      - The fact has C(rows), and as far as there are any C(reasons), C(changes) and C(problems). With C(planned), the
        changes are those that the roles have listed as facts.
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    support: full
    description: Changes nothing.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Show the table of all hosts
  whisperops.gpu.fleet_summary:
    hosts: "{{ ansible_play_hosts }}"
  run_once: true
"""

RETURN = r"""
ansible_stats:
  description: For the callback, C(whisperops_summary), C(whisperops_reasons), C(whisperops_changes) and
    C(whisperops_problems).
  returned: success
  type: dict
  sample: {data: {}, per_host: false, aggregate: false}
"""
