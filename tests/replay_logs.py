# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection says of logs that somebody has: each file of the directories, as site.yml would meet it.

    python tests/replay_logs.py --server DIRECTORY --build DIRECTORY

A server's log that ends in the middle of a start or with words of failure is taken for that of a server that ended;
with what exit code no log says: `FILE.exit` beside it may.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / ".collections"))

from ansible_collections.whisperops.gpu.plugins.module_utils._build import build_log
from ansible_collections.whisperops.gpu.plugins.module_utils._docker_api.ending import Ending, fatal_line
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.diagnosis import cause
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.facts import Facts
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.log import last_words, read_log

# What a container with a GPU and its libraries shows.
HEALTHY = Facts(has_gpu=True, nodes_in_container=True, libraries=("/app/libggml-cuda.so", "/usr/lib/libcuda.so.1"))


def of_server(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace")
    log, code = read_log(text), path.with_name(f"{path.name}.exit")
    exit_code = int(code.read_text()) if code.exists() else None
    ended = exit_code is not None or not log.complete or fatal_line(text.splitlines()) is not None
    facts = HEALTHY._replace(log=log, last_words=last_words(text), transcribes=not ended)
    if ended:
        facts = facts._replace(ending=Ending(exit_code, restarts=2, running=True, lines=text.splitlines()))
    found = cause(facts)
    return f"{found.code}: {found.message}\n    {found.remedy}"


def of_build(path: Path) -> str:
    found = build_log.failure(path.read_text(encoding="utf-8", errors="replace").splitlines())
    return f"{found.code}: {found.message}\n    {found.remedy}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", type=Path, help="directory with logs of servers")
    parser.add_argument("--build", type=Path, help="directory with logs of builds")
    given = parser.parse_args()
    for directory, said in ((given.server, of_server), (given.build, of_build)):
        for path in sorted(directory.glob("*.log")) if directory else ():
            print(f"{path.name}\n    {said(path)}")


if __name__ == "__main__":
    main()
