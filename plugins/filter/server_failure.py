# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any, Callable, Mapping, Sequence

from ansible_collections.whisperops.gpu.plugins.filter.failure_message import failure_message

# A message that begins with a problem code of its own, as those of the proof do.
CODED = re.compile(r"[a-z]+(?:_[a-z]+)+: ")
LAST_LINES = 15


def server_failure(result: Any, attempt: Mapping[str, Any], log: Sequence[str] = ()) -> str:
    """Why there is no new server, what serves now, and the last lines of the new one's log.

    ``attempt`` has ``host`` (text), ``log_file`` (text), ``existed`` (whether a server was replaced) and
    ``restart_error`` (why that one could not be started again; empty where it runs).
    """
    cause = failure_message(result)
    if not CODED.match(cause):
        cause = f"server_failed: the new server on {attempt['host']} did not come to answer: {cause}"
    text = [cause, _state(attempt)]
    lines = [line for line in log if line][-LAST_LINES:]
    if lines:
        text += [f"The log of the new one is in {attempt['log_file']}; its last lines:", "", *lines]
    return "\n".join(text)


def _state(attempt: Mapping[str, Any]) -> str:
    if not attempt["existed"]:
        return "There was none before."
    if not attempt["restart_error"]:
        return "The one before runs again."
    return f"The one before could not be started again: {attempt['restart_error']}"


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"server_failure": server_failure}
