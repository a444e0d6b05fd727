# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the operator has set of the objects. The variables of role whisper_kubernetes, and those of whisper_server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

from ansible_collections.whisperops.gpu.plugins.plugin_utils._server.container import role_options, server_options

DOWNLOAD, NEW_CLAIM, CLAIM = "download", "new_claim", "claim"
PREFIX = "whisper_kubernetes_"


@dataclass(frozen=True)
class Options:
    namespace: str
    create_namespace: bool
    apply: bool
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
    route_parents: tuple[Mapping[str, Any], ...]
    route_hostnames: tuple[str, ...]
    gateway: bool
    gateway_image: str
    gateway_replicas: int
    gateway_tls_secret: str
    # Whether clients still come another way than they will: the servers let in both, and the Service stays as it is.
    switching: bool
    # What role whisper_gateway has rendered; empty before.
    gateway_rendered: Mapping[str, Any]
    monitoring: bool
    metrics_sources: tuple[Mapping[str, Any], ...]
    prometheus_url: str
    min_servers: int
    gate: bool
    remove_outdated: bool
    prover_image: str
    prover_namespace: str
    prover_annotations: Mapping[str, str]
    prover_interval_seconds: int
    # Path of the reference audio on the control node.
    audio: str
    # The variables of roles whisper_server and whisper_proof under their own names.
    server: Mapping[str, Any] = field(default_factory=dict)
    proof: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Options:
        own = {name: given[PREFIX + name] for name in cls.__dataclass_fields__ if name not in ("server", "proof")}
        for name in ("pull_secrets", "sources", "route_parents", "route_hostnames", "metrics_sources"):
            own[name] = tuple(own[name])
        return cls(**own, server=server_options(given), proof=role_options(given, "whisper_proof_"))
