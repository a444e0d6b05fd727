# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which servers are unloaded, and how one is loaded: by asking it for anything but its health.

The activator (activator.py) listens on the ports of servers that are unloaded when nobody uses them. Private to this
collection.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import urllib.parse

# One empty file for each port whose server is unloaded. Also read by roles/whisper_gateway/files/proof_agent.py.
DIRECTORY = "/run/whisper-activator"
# The activator unloads a server that only this collection has asked.
USER_AGENT = "whisperops.gpu"
# A large model from a slow disk.
LOAD_SECONDS = 600.0


def unloaded(port: int, directory: str = DIRECTORY) -> bool:
    return os.path.exists(os.path.join(directory, str(port)))


def load(url: str) -> None:
    """Return when the server at ``url`` is loaded. If that fails the next request to the server says why."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=LOAD_SECONDS)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("GET", "/", headers={"User-Agent": USER_AGENT})
        connection.getresponse()
