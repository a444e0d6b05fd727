# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import re
from typing import Any, Callable, Mapping, Sequence

DOCUMENTATION = r"""
name: gateway_keys
short_description: Validate and hash the API keys of a gateway
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Checks the clients of C(whisper_gateway_api_keys) and makes the map that HAProxy looks keys up in.
  - Internal to this collection. No key is in what the filter returns.
options:
  _input:
    description: The clients, each with C(name) and either C(key) or C(sha256).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Assert that the API keys are valid
  ansible.builtin.assert:
    that: (whisper_gateway_api_keys | whisperops.gpu.gateway_keys).faults == []
"""

RETURN = r"""
_value:
  description:
    - C(faults), a sentence for each client that cannot be used.
    - C(map), a line with SHA-256 and name for each client.
  type: dict
  sample:
    faults: []
    map: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 newsroom\n"
"""

NAME = re.compile(r"[A-Za-z0-9._@-]+")
# What may stand behind "Bearer" in a header: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
SHORTEST_KEY = 24


def fault(client: Mapping[str, Any]) -> str | None:
    name, key, known = (str(client.get(field) or "") for field in ("name", "key", "sha256"))
    if not NAME.fullmatch(name):
        return f"the name {name!r} has other characters than letters, digits and ._@-"
    if bool(key) == bool(known):
        return f"{name} has both key and sha256, or neither"
    if known and not SHA256.fullmatch(known):
        return f"sha256 of {name} is not 64 hexadecimal digits"
    if key and len(key) < SHORTEST_KEY:
        return f"the key of {name} has fewer than {SHORTEST_KEY} characters"
    if key and not TOKEN.fullmatch(key):
        return f"the key of {name} has other characters than letters, digits and ._~+/- with = at the end"
    return None


def digest(client: Mapping[str, Any]) -> str:
    given = str(client.get("sha256") or "")
    return given.lower() or hashlib.sha256(str(client.get("key") or "").encode()).hexdigest()


def gateway_keys(clients: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    faults = [found for client in clients if (found := fault(client))]
    names = [str(client.get("name")) for client in clients]
    faults += [f"{name} stands there twice" for name in sorted({name for name in names if names.count(name) > 1})]
    lines = [f"{digest(client)} {name}\n" for client, name in zip(clients, names)]
    return {"faults": faults, "map": "".join(lines)}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"gateway_keys": gateway_keys}
