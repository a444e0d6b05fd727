# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers of a host, from the file of their endpoints and the containers that run. Private to this collection."""

from __future__ import annotations

from typing import Any, Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.container import Container


def servers(endpoints: Sequence[dict[str, Any]], containers: Sequence[Container]) -> list[dict[str, Any]]:
    """The endpoints; ``container`` and ``url`` are None where no container runs on the port."""
    by_port = {port: one for one in containers for port in one.published or {}}
    return [_server(endpoint, by_port.get(endpoint["port"])) for endpoint in endpoints]


def _server(endpoint: dict[str, Any], container: Container | None) -> dict[str, Any]:
    running = {"container": container.name} if container else {"container": None, "url": None}
    return {**endpoint, **running}
