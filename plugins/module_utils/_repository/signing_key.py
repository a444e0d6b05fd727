# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One key out of a file that somebody served: the one with the pinned fingerprint, and nothing else of the file.

The file is imported into an empty keyring, and the key exported from there. What a package manager gets is then what
gpg wrote, never the bytes that were fetched: they may hold further keys, or what another program reads otherwise.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

# An armored key with its signatures has some KiB; Docker's and NVIDIA's have below 5.
LARGEST = 1024 * 1024
# Of each key, the first fingerprint is its own; those of its subkeys follow.
_PRIMARY = re.compile(r"^pub:.*\n(?:(?!fpr:).*\n)*?fpr:+([0-9A-F]+):", re.MULTILINE)
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")


class KeyRefusedError(Exception):
    """Why there is no such key. It begins with a problem code, and says what was seen and what to do."""


def normalized(fingerprint: str) -> str:
    """As gpg writes it: documentation puts spaces into it."""
    return "".join(fingerprint.split()).upper()


def _gpg(program: str, keyring: Path, *arguments: str, data: bytes = b"") -> bytes:
    command = [program, "--batch", "--no-tty", "--quiet", "--no-auto-check-trustdb", "--trust-model", "always"]
    command += ["--homedir", str(keyring), "--no-default-keyring", "--keyring", str(keyring / "keys.gpg")]
    # What gpg says of a file without keys is told by the keys that are there afterwards.
    done = subprocess.run(  # pylint: disable=ansible-bad-function  # keys are bytes, and it works without an AnsibleModule
        command + list(arguments), input=data, capture_output=True, check=False
    )
    return done.stdout


def single_key(content: bytes, fingerprint: str, source: str, program: str = "gpg") -> tuple[str, list[str]]:
    """The armored key with this fingerprint, and the fingerprints of all keys in the content."""
    wanted = normalized(fingerprint)
    if shutil.which(program) is None:
        raise KeyRefusedError(
            f"gpg_missing: The program {program} that reads the key at {source} is not installed. "
            "Install it (Debian, Ubuntu: gpg; Red Hat family: gnupg2)."
        )
    with tempfile.TemporaryDirectory(prefix="whisperops-key-") as directory:
        keyring = Path(directory)
        _gpg(program, keyring, "--import", data=content)
        listing = _gpg(program, keyring, "--list-keys", "--with-colons", "--with-fingerprint")
        seen = _PRIMARY.findall(listing.decode("ascii", "replace"))
        if wanted in seen and _FINGERPRINT.fullmatch(wanted):
            return _gpg(program, keyring, "--armor", "--export", wanted).decode("ascii"), seen
    raise KeyRefusedError(
        f"repository_key_unknown: The key at {source} is not {wanted}. Seen: {', '.join(seen) or 'no key'}. "
        "If the publisher's documentation names the new key, set its fingerprint "
        "(docs/troubleshooting.md#repository_key_unknown names the variables); otherwise something between this "
        "host and the publisher replaces what it downloads."
    )
