# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a container gets the model before the server starts: programs for `sh`, with `curl` and `sha256sum`.

A wrong or half model never gets its name, and several containers may write to one volume.
"""

from __future__ import annotations

from .container import ModelFile

DOWNLOAD = """\
set -eu
cd /models
correct() { echo "$MODEL_SHA256  $1" | sha256sum -c >/dev/null 2>&1; }
if correct "$MODEL_FILE"; then exit 0; fi
part=".$MODEL_FILE.$HOSTNAME.part"
curl --fail --silent --show-error --location --retry 5 --output "$part" "$MODEL_URL"
if ! correct "$part"; then
  rm -f "$part"
  echo "model_checksum_mismatch: $MODEL_URL does not have the SHA-256 $MODEL_SHA256" >&2
  exit 1
fi
chmod 644 "$part"
mv "$part" "$MODEL_FILE"
"""
VERIFY = """\
set -eu
if echo "$MODEL_SHA256  /models/$MODEL_FILE" | sha256sum -c; then exit 0; fi
echo "model_checksum_mismatch: the volume has no $MODEL_FILE with the SHA-256 $MODEL_SHA256" >&2
exit 1
"""


def variables(model: ModelFile, download: bool = True) -> dict[str, str]:
    found = {"MODEL_FILE": model.name, "MODEL_SHA256": model.sha256}
    return {**found, "MODEL_URL": model.url} if download else found
