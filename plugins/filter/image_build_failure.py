# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable, Mapping

from ansible_collections.whisperops.gpu.plugins.filter.failure_message import failure_message

UNTOUCHED = "What ran before still runs."


def image_build_failure(result: Any, attempt: Mapping[str, str], build: Mapping[str, Any] | None = None) -> str:
    """Why there is no locally built image: what the build says was wrong, otherwise what the failed task said.

    ``attempt`` has the texts ``host``, ``version``, ``source``, ``source_url``, ``base`` and ``directory``; ``build``
    is the result of whisperops.gpu.image_build, where the role came to that.
    """
    said = failure_message(result)
    if build and build.get("failed"):
        return (
            f"{build.get('msg')} Building whisper.cpp {attempt['version']} from {attempt['source']} on"
            f" {attempt['base']} failed. The whole log: {attempt['host']}:{attempt['directory']}/build.log. {UNTOUCHED}"
        )
    reasons = {"checksum": _checksum, "disk": _disk, "network": _network}
    describe = reasons.get(str(result.get("reason")))
    return describe(said, attempt) if describe else said


def _checksum(said: str, attempt: Mapping[str, str]) -> str:
    return (
        f"source_checksum_mismatch: {said} Nothing was built. Correct whisper_image_source_checksum if you know the"
        " archive to be right; else somebody changed it."
    )


def _disk(said: str, attempt: Mapping[str, str]) -> str:
    return (
        f"disk_full: {attempt['source_url']}: {said} Free disk space on {attempt['host']}, or set"
        f" whisper_image_build_dir to a larger disk. {UNTOUCHED}"
    )


def _network(said: str, attempt: Mapping[str, str]) -> str:
    return (
        f"source_unreachable: {attempt['source_url']} could not be fetched: {said} Set whisper_image_source_url"
        f" (or whisper_image_source_git) to a place {attempt['host']} can reach."
    )


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"image_build_failure": image_build_failure}
