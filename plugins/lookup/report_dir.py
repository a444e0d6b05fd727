# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: report_dir
short_description: Directory on the control node for the report and the benchmark results
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Internal to this collection, and may change in any release.
  - In a checkout of whisperops.gpu, C(reports) in the checkout.
  - With an installed collection, C(reports) next to the first inventory file or inventory directory of the run; without
    one, such as with C(--inventory HOST,), C(reports) in the current directory.
  - All hosts of a run have the same directory. It need not exist.
options:
  _terms:
    description: No term is taken.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Show where the report is written
  ansible.builtin.debug:
    msg: "{{ lookup('whisperops.gpu.report_dir') }}/fleet.html"
"""

RETURN = r"""
_list:
  description: The directory.
  type: list
  elements: path
  sample: [/srv/deploy/reports]
"""

from pathlib import Path
from typing import Any, Iterable, Mapping

from ansible.plugins.lookup import LookupBase
from ansible_collections.whisperops.gpu.plugins.plugin_utils._collection import checkout

NAME = "reports"


def report_dir(sources: Iterable[object], current: Path, of_checkout: Path | None) -> Path:
    """`sources`: the inventories of the run, as paths or as lists of hosts."""
    if of_checkout is not None:
        return of_checkout / NAME
    inventories = (Path(source) for source in sources if isinstance(source, str) and "," not in source)
    # Never in an inventory directory: Ansible would read the results as inventory.
    found = next((path for path in inventories if path.exists()), None)
    return (found.absolute().parent if found else current) / NAME


class LookupModule(LookupBase):  # type: ignore[misc]  # ansible-core ships no types
    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: Any) -> list[str]:
        sources = (variables or {}).get("ansible_inventory_sources") or ()
        return [str(report_dir(sources, Path.cwd(), checkout()))]
