# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that a server listens on and is reached at, IPv4, IPv6 and names alike. Private to this collection."""

from __future__ import annotations

# Where the host itself reaches what listens everywhere. Docker publishes on "::" for IPv6 alone.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}


def host_port(host: str, port: int) -> str:
    """``::1``, 8080 -> ``[::1]:8080``: before a port, an IPv6 address stands in brackets."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def reachable(listening: str, host: str | None = None) -> str:
    """Where something is reached that listens on an address: there, or at `host` (unset: the host itself asks)."""
    plain = listening[1:-1] if listening.startswith("[") and listening.endswith("]") else listening
    if plain not in _LOOPBACK:
        return plain
    return _LOOPBACK[plain] if host is None else host
