# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the operator has set of the objects. The variables of role whisper_kubernetes, and those of whisper_server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

from ansible_collections.whisperops.gpu.plugins.plugin_utils._server.container import server_options

DOWNLOAD, NEW_CLAIM, CLAIM = "download", "new_claim", "claim"
PREFIX = "whisper_kubernetes_"


@dataclass(frozen=True)
class Options:
    namespace: str
    create_namespace: bool
    pull_secrets: tuple[str, ...]
    own_replicas: bool
    model_storage: str
    model_claim: str
    storage_class: str
    fetch_image: str
    cpu_request: str
    runtime_class: str
    sources: tuple[Mapping[str, Any], ...]
    ingress_host: str
    ingress_class: str
    ingress_tls_secret: str
    ingress_annotations: Mapping[str, Any]
    # The variables of role whisper_server under their own names.
    server: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Options:
        own = {name: given[PREFIX + name] for name in cls.__dataclass_fields__ if name != "server"}
        for name in ("pull_secrets", "sources"):
            own[name] = tuple(own[name])
        return cls(**own, server=server_options(given))
