# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible_collections.whisperops.gpu.plugins.filter.failure_message import failure_message

KEY_REFUSED = "gateway_key_refused: "
CONFIG_INVALID = "gateway_config_invalid: "
RELOAD_FAILED = "gateway_reload_failed: "


def gateway_failure(result: Any, host: str, written: Mapping[str, Any], asked: Mapping[str, Any], serves: bool) -> str:
    """Why HAProxy did not take a new configuration, and whether the earlier one serves.

    ``written`` is the result of the task that writes and validates the configuration, ``asked`` that of the request
    with the gateway's own key; each is empty where the role did not come to it.
    """
    if asked.get("failed"):
        # The failed result of a task that handled a key is hidden.
        code, seen = KEY_REFUSED, f"asked with its own key, the new gateway answered {asked.get('status', 'nothing')}."
    else:
        code, seen = CONFIG_INVALID if written.get("failed") else RELOAD_FAILED, failure_message(result)
    return (
        f"{code}HAProxy on {host} did not take the new configuration: {' '.join(seen.split())}"
        f" {'The earlier one is in place and serves.' if serves else 'There was no gateway before.'}"
        " See that whisper_gateway_* are right, above all certificate, addresses and ports;"
        " journalctl --unit haproxy has more."
    )


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"gateway_failure": gateway_failure}
