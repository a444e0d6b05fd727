# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One file over a network that breaks: resumed where the server can, repeated where it asks for that. Private to this
collection.

A connection that ends too early looks to urllib like the end of the file, so what came is held to what was announced.
"""

from __future__ import annotations

import email.utils
import errno
import http.client
import re
import time
import urllib.error
from http import HTTPStatus
from pathlib import Path
from typing import Any, Callable, Mapping, NamedTuple
from urllib.parse import urlsplit

# Worth another attempt: the same request can be answered otherwise a moment later.
TRANSIENT = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        425,  # Too Early; Python 3.8 has no name for it
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
LONGEST_WAIT_SECONDS = 60
_CHUNK = 1 << 20

Open = Callable[[Mapping[str, str]], Any]
"""Sends a GET with these headers; raises what urllib raises."""


class TransferError(Exception):
    """``reason`` is network or disk; the message says what was seen."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Transferred(NamedTuple):
    size: int
    attempts: int
    resumed: bool
    """At least one attempt went on where an earlier one had ended."""


class _BrokenError(Exception):
    """An attempt that is worth another one, after so many seconds if the server named a time."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds to wait by the header Retry-After, which holds a number of them or a date."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
    except (TypeError, ValueError):
        return None


def transfer(
    open_url: Open, url: str, part: Path, attempts: int, sleep: Callable[[float], None] = time.sleep
) -> Transferred:
    """Fetch ``url`` into ``part``. Gives up after ``attempts`` attempts in a row of which none got further."""
    state: dict[str, str] = {}
    best, failed, made, resumed = 0, 0, 0, False
    part.write_bytes(b"")
    while True:
        made += 1
        at = part.stat().st_size
        try:
            resumed = _attempt(open_url, url, part, state) or resumed
            return Transferred(part.stat().st_size, made, resumed)
        except _BrokenError as broken:
            size = part.stat().st_size
            resumed = resumed or 0 < at < size
            failed = 1 if size > best else failed + 1
            best = max(best, size)
            if failed >= attempts:
                raise TransferError("network", f"{broken} ({_times(made)})") from broken
            wait = 2.0 ** (failed - 1) if broken.wait is None else broken.wait
            if wait > LONGEST_WAIT_SECONDS:
                raise TransferError("network", f"{broken}, to be asked again in {wait:.0f} s") from broken
            sleep(wait)


def _times(made: int) -> str:
    return "one attempt" if made == 1 else f"{made} attempts"


def _attempt(open_url: Open, url: str, part: Path, state: dict[str, str]) -> bool:
    """True if the file was completed from where an earlier attempt ended. ``state`` holds its validator."""
    at = part.stat().st_size
    headers = {"Range": f"bytes={at}-", **({"If-Range": state["etag"]} if "etag" in state else {})} if at else {}
    try:
        response = open_url(headers)
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(error, url, part) from error
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(str(getattr(error, "reason", error)) or type(error).__name__) from error
    with response:
        start = _start(response, at)
        if not start:
            state.clear()
            etag = response.headers.get("ETag") or ""
            if etag.startswith('"'):
                state["etag"] = etag
        announced = response.headers.get("Content-Length")
        _save(response, part, start)
    size = part.stat().st_size
    if announced is not None and announced.isdigit() and size < start + int(announced):
        raise _BrokenError(f"the connection ended after {size} of {start + int(announced)} bytes")
    return start > 0


def _refused(error: urllib.error.HTTPError, url: str, part: Path) -> Exception:
    seen = f"status {error.code} {error.reason}".rstrip()
    if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and part.stat().st_size:
        part.write_bytes(b"")
        return _BrokenError(seen, 0)
    # A redirect to a signed URL runs out; the address that was asked for gives another one.
    expired = error.code == HTTPStatus.FORBIDDEN and urlsplit(error.url or url).netloc != urlsplit(url).netloc
    if error.code in TRANSIENT or expired:
        return _BrokenError(seen, retry_after(error.headers.get("Retry-After"), time.time()))
    return TransferError("network", seen)


def _start(response: Any, at: int) -> int:
    """Where what comes now belongs: a server may send the whole file although a part was asked for."""
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range") or "")
    return at if response.status == HTTPStatus.PARTIAL_CONTENT and match and int(match.group(1)) == at else 0


def _save(response: Any, part: Path, start: int) -> None:
    with part.open("r+b" if start else "wb") as file:
        file.seek(start)
        while True:
            try:
                chunk = response.read(_CHUNK)
            except http.client.IncompleteRead as error:
                # What did come is good.
                _write(file, error.partial)
                raise _BrokenError(f"the connection ended after {file.tell()} bytes") from error
            except (OSError, http.client.HTTPException) as error:
                raise _BrokenError(f"the connection ended after {file.tell()} bytes: {error}") from error
            if not chunk:
                return
            _write(file, chunk)


def _write(file: Any, data: bytes) -> None:
    try:
        file.write(data)
        file.flush()
    except OSError as error:
        raise TransferError("disk" if error.errno == errno.ENOSPC else "network", str(error)) from error
