# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts that would override variables of the inventory. Private, and for the control node alone.

A host sends facts with any answer. With Ansible's `inject_facts_as_vars` each becomes a variable that outranks the
inventory, so a host that was taken over could name files of the control node.
"""

from __future__ import annotations

import re
from typing import Any

_NAME_OF_OURS = re.compile(r"_?(docker_engine|fleet_report|gpu_metrics|nvidia_container_toolkit|whisper)_")


def overriding(facts: Any) -> list[str]:
    """Names of this collection's variables among the facts of a host."""
    return sorted(str(name) for name in facts if _NAME_OF_OURS.match(str(name))) if isinstance(facts, dict) else []
