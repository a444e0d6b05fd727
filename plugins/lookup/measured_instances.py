# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: measured_instances
short_description: Get the best instance count of a host from the newest benchmark
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Reads the results that C(playbooks/benchmark.yml) saved on the control node.
  - Internal to this collection. Use C(instances_per_gpu=auto) of the policy instead.
options:
  _terms:
    description: Names of hosts in the inventory.
    type: list
    elements: str
    required: true
  directory:
    description: Directory with the results. It need not exist.
    type: path
    required: true
  model:
    description: Model of the policy. A result with another model does not count. V(auto) accepts every model.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the best instance count of the host
  ansible.builtin.debug:
    msg: "{{ lookup('whisperops.gpu.measured_instances', inventory_hostname, directory='results', model='base.en') }}"
"""

RETURN = r"""
_list:
  description: Servers for each GPU, for each host. 1 without a result.
  type: list
  elements: int
  sample: [6]
"""

import json
import re
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

# What the policy allows.
INSTANCES = range(1, 65)


def newest(directory: Path, host: str) -> Path | None:
    """Of ``HOST_2026-11-25T091500Z.json``; another host's name may begin with this one's and an underscore."""
    name = re.compile(re.escape(host) + r"_\d{4}-\d\d-\d\dT\d{6}Z\.json")
    found = sorted(path for path in directory.glob("*.json") if name.fullmatch(path.name))
    return found[-1] if found else None


def same_model(measured: str, model: str) -> bool:
    """``ggml-base.en.bin@sha256:…`` is base.en."""
    file, name = measured.partition("@")[0], model.rpartition("/")[2]
    return model == "auto" or file in (name, f"ggml-{name}.bin")


def instances(directory: Path, host: str, model: str) -> int:
    path = newest(directory, host)
    if path is None:
        return 1
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        if not same_model(str(result.get("model") or ""), model):
            return 1
        found = int(result.get("instances_per_gpu") or 1)
        if found not in INSTANCES:
            raise ValueError(f"instances_per_gpu is {found}, allowed: {INSTANCES[0]} to {INSTANCES[-1]}")
        return found
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise AnsibleError(f"{path} is no result of a benchmark ({error}). Remove it or measure again.") from error


class LookupModule(LookupBase):  # type: ignore[misc]  # ansible-core ships no types
    def run(self, terms: list[str], variables: Any = None, **kwargs: Any) -> list[int]:
        self.set_options(var_options=variables, direct=kwargs)
        directory = Path(self.get_option("directory"))
        return [instances(directory, host, self.get_option("model")) for host in terms]
