# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nftables table of the servers, as the kernel has it."""

from __future__ import annotations

import hashlib

from ansible_collections.whisperops.gpu.plugins.module_utils._system.run_command import Runner, Which

RULES = "/etc/whisper/firewall.nft"
UNIT = "whisper-firewall.service"
TABLE = "inet whisperops"
# The interface of the network that the servers are in, and nothing else.
BRIDGE = "whisper0"
MISSING = "missing"


def loaded(runner: Runner, which: Which) -> str | None:
    """SHA-256 of the table as nft lists it, ``missing`` where there is none, None where that cannot be seen."""
    nft = which("nft")
    if nft is None:
        return MISSING
    tables = runner([nft, "list", "tables"])
    if tables.rc != 0:
        return None
    if f"table {TABLE}" not in tables.out.splitlines():
        return MISSING
    table = runner([nft, "list", "table", *TABLE.split()])
    return "sha256:" + hashlib.sha256(table.out.encode()).hexdigest() if table.rc == 0 else None
