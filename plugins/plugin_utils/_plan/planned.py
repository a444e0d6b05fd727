# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this run has planned for a host, where no role has set its facts: plan.yml needs none."""

from __future__ import annotations

from typing import Any, Mapping


def planned(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """``planned`` of the module host_plan, empty where the host was not planned.

    :param variables: those of the host.
    """
    return (variables.get("whisper_plan_host") or {}).get("planned") or {}
