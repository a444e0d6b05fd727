# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the service: python3 -m whisper_api SETTINGS."""

from __future__ import annotations

import logging
import os
import sys

from aiohttp import web

from .service import application
from .settings import load

# What runs may end, for so long; then the connections are closed.
SECONDS_TO_END = 60.0


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = load(sys.argv[1])
    if "RUNTIME_DIRECTORY" in os.environ:
        publish(os.path.join(os.environ["RUNTIME_DIRECTORY"], "identity"), settings.identity)
    web.run_app(
        application(settings),
        host=settings.listen_address,
        port=settings.port,
        shutdown_timeout=SECONDS_TO_END,
        print=None,
        # No more than this: neither names of files nor keys.
        access_log_format='%a "%r" %s %b %Tf',
    )


def publish(path: str, identity: str) -> None:
    """For everybody to read; systemd removes it when the service ends."""
    with open(path, "w", encoding="ascii") as file:
        file.write(identity)
    os.chmod(path, 0o644)


if __name__ == "__main__":
    main()
