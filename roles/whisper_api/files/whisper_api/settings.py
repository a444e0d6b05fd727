# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of the service: one JSON file, which the role writes."""

from __future__ import annotations

import json
from typing import NamedTuple

MIB = 1024 * 1024


class Settings(NamedTuple):
    listen_address: str
    port: int
    servers_file: str
    plan_file: str
    decoder_socket: str
    model_aliases: list[str]
    upload_limit_mib: int
    upload_seconds: int
    queue_length: int
    queue_seconds: int
    timeout_seconds: int
    retry_after_seconds: int
    audio_seconds: int
    # Longer audio goes to the servers in parts; 0 for none.
    split_seconds: int
    decode_seconds: int
    decoders: int
    # Whether there is a page to try it with.
    page: bool
    # For Prometheus.
    metrics_listen_address: str
    metrics_port: int
    # Of a gateway that shares requests among servers, its path for transcriptions; empty for those of the file.
    queue_url: str
    # Of the programs, units and settings, by which the role sees what runs.
    identity: str
    # On a disk, where the whole upload and the whole audio fit: /tmp can be memory.
    spool_dir: str = "/var/tmp"

    @property
    def upload_limit(self) -> int:
        return self.upload_limit_mib * MIB


def load(path: str) -> Settings:
    with open(path, encoding="utf-8") as file:
        return Settings(**json.load(file))
