#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: repository_key_info
short_description: Get the signing key of a package repository by fingerprint
version_added: 0.1.0
author: The whisperops.gpu founders (@whisperops)
description:
  - Downloads a file of OpenPGP keys and returns the one with the given fingerprint, as C(gpg) exports it from an empty
    keyring. Other keys in the file, and the file itself, are not returned.
  - The module fails with the code C(repository_key_unknown) if the file has no such key.
  - The host needs the program C(gpg). The keyrings of the user are neither read nor changed.
options:
  url:
    description: Where the file is.
    type: str
    required: true
  fingerprint:
    description:
      - The whole fingerprint of the primary key, 40 hexadecimal digits. Spaces and lower case are allowed.
      - A subkey's fingerprint or a shorter key ID is not accepted.
    type: str
    required: true
  timeout:
    description: Seconds that the server may stay silent.
    type: int
    default: 30
attributes:
  check_mode:
    support: full
    description: The module does the same in check mode, and changes nothing in either.
  diff_mode:
    support: none
    description: There is no change of which it could show a difference.
"""

EXAMPLES = r"""
- name: Get Docker's key
  whisperops.gpu.repository_key_info:
    url: https://download.docker.com/linux/debian/gpg
    fingerprint: 9DC8 5822 9FC7 DD38 854A  E2D8 8D81 803C 0EBF CD88
  register: docker_key

- name: Add Docker's repository
  ansible.builtin.deb822_repository:
    name: docker
    uris: https://download.docker.com/linux/debian
    suites: [trixie]
    components: [stable]
    signed_by: "{{ docker_key.key }}"
"""

RETURN = r"""
key:
  description: The key with the given fingerprint, armored. It ends with a line end.
  returned: success
  type: str
  sample: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n..."
fingerprints:
  description: The fingerprints of all primary keys in the file.
  returned: success
  type: list
  elements: str
  sample: [9DC858229FC7DD38854AE2D88D81803C0EBFCD88]
"""

from http.client import HTTPException

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url
from ansible_collections.whisperops.gpu.plugins.module_utils._repository import signing_key
from ansible_collections.whisperops.gpu.plugins.module_utils._system.passwords import hidden, hidden_of


def download(url: str, timeout: int) -> bytes:
    try:
        with open_url(url, timeout=timeout, http_agent="whisperops.gpu") as response:
            content: bytes = response.read(signing_key.LARGEST + 1)
    except (OSError, HTTPException, ValueError) as error:
        raise signing_key.KeyRefusedError(
            f"repository_key_unreachable: The key at {hidden(url)} could not be downloaded:"
            f" {hidden_of(str(error), url)}. Set the repository's URL to one that this host can reach."
        ) from error
    return content


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            # A fingerprint is public. Without this, Ansible warns of a name that looks like a secret's.
            "fingerprint": {"type": "str", "required": True, "no_log": False},
            "timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    url = module.params["url"]
    try:
        content = download(url, module.params["timeout"])
        key, fingerprints = signing_key.single_key(content, module.params["fingerprint"], hidden(url))
    except signing_key.KeyRefusedError as refusal:
        module.fail_json(msg=str(refusal))
    module.exit_json(changed=False, key=key, fingerprints=fingerprints)


if __name__ == "__main__":
    main()
