#!/usr/bin/python
# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: file_download
short_description: Download a large file over an unreliable network
version_added: 0.1.0
description:
  - Downloads one file whose checksum is known.
  - A download that breaks is resumed where the server can do that, and repeated otherwise.
  - Waits as long as a server says that it is busy (status 429 or 503 with C(Retry-After)), a minute at most.
  - Asks the URL itself again when a signed URL that it redirects to has expired.
  - The file gets its name when all of it is there and its checksum is right. Until then, and when the download fails,
    an earlier file stays as it is.
  - Goes through the proxies that C(http_proxy), C(https_proxy) and C(no_proxy) of the task's environment name.
options:
  url:
    description:
      - Where the file is.
      - It may hold credentials (a user and a password, or the signature of a signed URL), which neither logs nor
        messages have.
    type: str
    required: true
  dest:
    description: Path of the file on the host. Its directory must exist.
    type: path
    required: true
  checksum:
    description: Algorithm and checksum of the file, for example V(sha256:) and 64 hexadecimal digits.
    type: str
    required: true
  attempts:
    description: Number of attempts in a row that may end without a byte more than before.
    type: int
    default: 4
  timeout:
    description: Seconds of silence after which an attempt has failed.
    type: int
    default: 30
extends_documentation_fragment:
  - ansible.builtin.files
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode), when in diff mode.
    support: none
seealso:
  - module: ansible.builtin.get_url
author:
  - The whisperops.gpu founders (@whisperops)
"""

EXAMPLES = r"""
- name: Download a model
  whisperops.gpu.file_download:
    url: https://huggingface.co/ggerganov/whisper.cpp/resolve/main/ggml-base.en.bin
    dest: /var/lib/whisper/models/ggml-base.en.bin
    checksum: sha256:a03779c86df3323075f5e796cb2ce5029f00ec8869eee3fdfb897afe36c6d002
    mode: "0644"
"""

RETURN = r"""
dest:
  description: Path of the file on the host.
  returned: always
  type: str
  sample: /var/lib/whisper/models/ggml-base.en.bin
reason:
  description: What was wrong. V(network), V(checksum) or V(disk).
  returned: failure
  type: str
  sample: network
attempts:
  description: Number of requests that the download took.
  returned: when the file was downloaded
  type: int
  sample: 2
resumed:
  description: Whether an attempt continued where an earlier one had ended.
  returned: when the file was downloaded
  type: bool
  sample: true
size:
  description: Size of the file in bytes.
  returned: when the file was downloaded
  type: int
  sample: 147964211
"""

import hashlib
from pathlib import Path
from typing import Any, Mapping, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url
from ansible_collections.whisperops.gpu.plugins.module_utils._download.transfer import (
    TransferError,
    Transferred,
    transfer,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._system.passwords import hidden_of


def digest(path: Path, algorithm: str) -> str:
    found = hashlib.new(algorithm)
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            found.update(chunk)
    return found.hexdigest()


class Download:
    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.url: str = module.params["url"]
        self.dest = Path(module.params["dest"])
        self.part = self.dest.with_name(f".{self.dest.name}.part")
        self.algorithm, _colon, self.wanted = module.params["checksum"].partition(":")
        if self.algorithm not in hashlib.algorithms_guaranteed or not self.wanted:
            self.fail("checksum", f"{module.params['checksum']} is no algorithm and checksum, such as sha256:…")

    def fail(self, reason: str, message: str) -> NoReturn:
        self.module.fail_json(msg=hidden_of(message, self.url), reason=reason, dest=str(self.dest))
        raise AssertionError("fail_json ends the module")

    def is_there(self) -> bool:
        return self.dest.is_file() and digest(self.dest, self.algorithm) == self.wanted.lower()

    def open(self, headers: Mapping[str, str]) -> Any:
        # As it is, not unpacked: the checksum is that of the file.
        return open_url(
            self.url,
            headers=dict(headers),
            timeout=self.module.params["timeout"],
            decompress=False,
            follow_redirects="all",
        )

    def run(self) -> Transferred:
        """Whatever happens, no part of a file is left."""
        try:
            done = self._transfer()
            if digest(self.part, self.algorithm) != self.wanted.lower() and done.resumed:
                # Two versions of the file may have come together.
                done = self._transfer()
            found = digest(self.part, self.algorithm)
            if found != self.wanted.lower():
                message = f"the {self.algorithm} of what came ({done.size} bytes) is {found}, not {self.wanted}"
                self.fail("checksum", message)
            self.module.atomic_move(str(self.part), str(self.dest))
            return done
        except TransferError as error:
            self.fail(error.reason, str(error))
        finally:
            if self.part.exists():
                self.part.unlink()

    def _transfer(self) -> Transferred:
        try:
            return transfer(self.open, self.url, self.part, self.module.params["attempts"])
        except OSError as error:
            raise TransferError("network", str(error)) from error


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            # It may hold a password or a signature.
            "url": {"type": "str", "required": True, "no_log": True},
            "dest": {"type": "path", "required": True},
            "checksum": {"type": "str", "required": True},
            "attempts": {"type": "int", "default": 4},
            "timeout": {"type": "int", "default": 30},
        },
        add_file_common_args=True,
        supports_check_mode=True,
    )
    download = Download(module)
    changed = not download.is_there()
    done = download.run() if changed and not module.check_mode else None
    if download.dest.exists():
        changed = module.set_fs_attributes_if_different(module.load_file_common_arguments(module.params), changed)
    module.exit_json(changed=changed, dest=str(download.dest), **(done._asdict() if done else {}))


if __name__ == "__main__":
    main()
