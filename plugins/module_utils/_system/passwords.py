# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials in URLs are shown to nobody: user and password of a proxy or a mirror, and the query of a signed URL.

Everything that shows, keeps or labels a URL of the operator's uses this module.
"""

from __future__ import annotations

import re
from typing import Match
from urllib.parse import unquote

MASK = "********"
# A URL ends where a text or JSON goes on. What a sentence puts after a URL is not the query's.
_URL = re.compile(r"://([^\s\"<>`]*)")
_AFTER = ")]}'.,:;"
_AUTHORITY_END = re.compile(r"[/?#]")
# A shorter part is replaced nowhere but in its URL: it may be part of other words.
_SHORTEST = 4


def hidden(text: str) -> str:
    """The text, with the credentials of every URL in it masked."""
    return _URL.sub(_masked, text) if "://" in text else text


def hidden_of(text: str, url: str) -> str:
    """The text, also without the credentials of this URL where they stand apart from it, as in messages of programs."""
    for part in _credentials(url):
        text = text.replace(part, MASK)
    return hidden(text)


def _masked(match: Match[str]) -> str:
    authority, path, query = _parts(match.group(1))
    _credential, at, host = authority.rpartition("@")
    shown = f"://{MASK}@{host}{path}" if at else f"://{authority}{path}"
    if not query:
        return shown
    return f"{shown}?{MASK}{query[len(query.rstrip(_AFTER)) :]}"


def _parts(rest: str) -> tuple[str, str, str]:
    """Of what follows ``://``: user, host and port; the path; the query without its question mark."""
    end = _AUTHORITY_END.search(rest)
    authority, beyond = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    path, _mark, query = beyond.partition("?")
    return authority, path, query


def _credentials(url: str) -> list[str]:
    authority, _path, query = _parts(url.partition("://")[2])
    credential = authority.rpartition("@")[0]
    parts = {credential, credential.partition(":")[0], credential.partition(":")[2], query}
    parts |= {unquote(part) for part in parts}
    return sorted((part for part in parts if len(part) >= _SHORTEST), key=len, reverse=True)
