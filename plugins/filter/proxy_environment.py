# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from typing import Any, Callable
from urllib.parse import urlsplit

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: proxy_environment
short_description: Create the environment variables of an HTTP proxy
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Makes the environment variables by which programs find their proxy, in lower and in upper case, as programs differ.
  - The host itself is never reached through a proxy.
options:
  _input:
    description:
      - C(http) and C(https), the URLs of the proxies for requests of either kind. Of one alone, it serves both.
      - C(no_proxy), a list of hosts and domains to be reached without a proxy.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Download a key through a proxy
  ansible.builtin.uri:
    url: https://download.docker.com/linux/debian/gpg
  environment: "{{ proxy | whisperops.gpu.proxy_environment }}"
  vars:
    proxy: {http: "http://proxy.example.net:3128", no_proxy: [.example.net]}
"""

RETURN = r"""
_value:
  description: The environment. Empty without a proxy.
  type: dict
  sample:
    http_proxy: http://proxy.example.net:3128
    https_proxy: http://proxy.example.net:3128
    no_proxy: localhost,127.0.0.1,::1,.example.net
"""

ITSELF = ("localhost", "127.0.0.1", "::1")
KEYS = {"http", "https", "no_proxy"}
# What stands in units of systemd and lists with commas: no space, quote or comma.
PLAIN = re.compile(r"[^\s\"'`,\\]+")


def _refuse(seen: str) -> AnsibleFilterError:
    return AnsibleFilterError(
        f"proxy_invalid: whisper_proxy {seen}. Set http and https to URLs such as http://proxy.example.net:3128, "
        "and no_proxy to a list of hosts and domains."
    )


def _url(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _refuse(f"has a {key} that is no text")
    try:
        parts = urlsplit(value)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and PLAIN.fullmatch(value)
    except ValueError:
        valid = False
    if not valid:
        # It may hold a password.
        raise _refuse(f"has a {key} that is no URL of a proxy")
    return value


def proxy_environment(proxy: Any) -> dict[str, str]:
    if not isinstance(proxy, dict):
        raise _refuse(f"is {type(proxy).__name__}, not a dictionary")
    unknown = sorted(str(key) for key in proxy if key not in KEYS)
    if unknown:
        raise _refuse(f"has the unknown key {', '.join(unknown)}")
    urls = {key: _url(key, proxy[key]) for key in ("http", "https") if proxy.get(key)}
    without = proxy.get("no_proxy") or []
    if isinstance(without, str):
        without = [name for name in re.split(r"[,\s]+", without) if name]
    wrong = [name for name in without if not (isinstance(name, str) and PLAIN.fullmatch(name))]
    if wrong:
        raise _refuse(f"has {wrong[0]!r} in no_proxy")
    if not urls:
        return {}
    variables = {
        "http_proxy": urls.get("http") or urls["https"],
        "https_proxy": urls.get("https") or urls["http"],
        "no_proxy": ",".join(dict.fromkeys([*ITSELF, *without])),
    }
    return {**variables, **{name.upper(): value for name, value in variables.items()}}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"proxy_environment": proxy_environment}
