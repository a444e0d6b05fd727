# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords in URLs, as those of proxies and of package repositories, are shown to nobody."""

from __future__ import annotations

import re

_PASSWORD = re.compile(r"(//[^/\s:@\"]*:)[^/\s@\"]+@")


def hidden(text: str) -> str:
    return _PASSWORD.sub(r"\1********@", text)
