"""URLs that are signed and run out, as CDNs have them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time

KEY = secrets.token_bytes(32)
SECONDS = 60


def _mac(url: str, expires: str) -> str:
    return hmac.new(KEY, f"{url} {expires}".encode(), hashlib.sha256).hexdigest()


def sign(url: str, expired: bool = False) -> str:
    expires = str(int(time.time()) + (-1 if expired else SECONDS))
    return f"{url}?Expires={expires}&Signature={_mac(url, expires)}"


def holds(url: str, query: dict[str, str]) -> bool:
    expires = query.get("Expires", "0")
    return hmac.compare_digest(query.get("Signature", ""), _mac(url, expires)) and int(expires) > time.time()
