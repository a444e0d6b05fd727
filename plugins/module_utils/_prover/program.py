# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of the prover: ``python3 prover.pyz settings.json``. Private to this collection.

With NODE_NAME it proves the pods of that node, with POD_NAME the one pod that it is a container of.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Sequence

from ansible_collections.whisperops.gpu.plugins.module_utils._prover.cluster import Cluster
from ansible_collections.whisperops.gpu.plugins.module_utils._prover.proof import PodProver
from ansible_collections.whisperops.gpu.plugins.module_utils._prover.watch import Watch

# Proofs side by side; each GPU has a pod of its own.
_THREADS = 8
# While a proof runs, and while none does, until the pods are looked at again; a change of a pod ends the wait.
_RUNNING_SECONDS, _IDLE_SECONDS = 1, 10
_RETRY_SECONDS = 5


def main(arguments: Sequence[str] | None = None) -> int:
    (settings_file,) = sys.argv[1:] if arguments is None else arguments
    files = [os.path.abspath(sys.argv[0]), settings_file]
    started_with = _digest(files)
    with open(settings_file, encoding="utf-8") as file:
        settings = json.load(file)
    settings["audio"] = os.path.join(os.path.dirname(settings_file), settings["audio"])
    node, pod = os.environ.get("NODE_NAME"), os.environ.get("POD_NAME")
    fields = f"spec.nodeName={node}" if node else f"metadata.name={pod}"
    cluster = Cluster(settings["namespace"], fields, settings["labels"])
    watch = Watch(
        PodProver(settings, cluster.log).prove,
        cluster.set_condition,
        settings["interval_seconds"],
        ThreadPoolExecutor(_THREADS),
    )
    while _digest(files) == started_with:
        try:
            pods, version = cluster.pods()
            watch.look(pods)
            cluster.wait_for_change(version, _RUNNING_SECONDS if watch.proofs_run else _IDLE_SECONDS)
        except (OSError, ValueError, HTTPException) as error:
            sys.stderr.write(f"The API server does not answer: {error}\n")
            time.sleep(_RETRY_SECONDS)
    # The ConfigMap has changed. A container that ended would take the server next to it out of the Service.
    os.execv(sys.executable, [sys.executable, *sys.argv])


def _digest(files: Sequence[str]) -> bytes:
    found = hashlib.sha256()
    for path in files:
        with open(path, "rb") as file:
            found.update(file.read())
    return found.digest()


if __name__ == "__main__":
    raise SystemExit(main())
