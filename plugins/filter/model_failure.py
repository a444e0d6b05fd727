# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.whisperops.gpu.plugins.filter.failure_message import failure_message


def model_failure(result: Any, host: str, source: str) -> str:
    """Why a model could not be downloaded, from the reason that whisperops.gpu.file_download gives."""
    seen = f"{source}: {failure_message(result)}"
    reason = result.get("reason")
    if reason == "disk":
        text = f"disk_full: {seen} Free disk space on {host}, or set whisper_server_model_dir to a larger disk."
    elif reason == "checksum":
        text = (
            f"model_checksum_mismatch: {seen} Correct whisper_server_model_checksum if you know the file to be right;"
            " else somebody changed it."
        )
    else:
        text = (
            f"model_unreachable: {seen} Set whisper_server_model_url or whisper_server_model_hub to a place that {host}"
            " can reach."
        )
    return f"{text} What ran before still runs."


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"model_failure": model_failure}
