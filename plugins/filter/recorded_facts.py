# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import applied


def recorded_facts(host: Any) -> dict[str, Any]:
    if not isinstance(host, Mapping):
        raise AnsibleFilterError(
            f"whisperops.gpu.recorded_facts: got {type(host).__name__};"
            " allowed: the result of whisperops.gpu.whisper_host_info."
        )
    return applied.recorded_facts(host)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"recorded_facts": recorded_facts}
