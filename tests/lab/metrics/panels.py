"""Asks a Prometheus what each panel of the dashboards asks, and names the panels that would stay empty.

python tests/lab/metrics/panels.py http://PROMETHEUS:9090 HOST
"""

from __future__ import annotations

import json
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

DASHBOARDS = Path(__file__).parents[3] / "roles" / "gpu_metrics" / "files" / "dashboards"
SECONDS = 30
# Where nothing is wrong, nothing fires.
MAY_BE_EMPTY = {"Alerts"}


def answers(prometheus: str, question: str) -> int:
    query = urllib.parse.urlencode({"query": question})
    with urllib.request.urlopen(f"{prometheus}/api/v1/query?{query}", timeout=10) as answer:
        return len(json.load(answer)["data"]["result"])


def main(prometheus: str, host: str) -> None:
    waiting = [
        (panel["title"], ask["expr"].replace("$host", host).replace("$__rate_interval", "10s"))
        for path in sorted(DASHBOARDS.glob("*.json"))
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
        for ask in panel["targets"]
    ]
    asked = len(waiting)
    end = time.monotonic() + SECONDS
    while waiting and time.monotonic() < end:
        waiting = [one for one in waiting if not answers(prometheus, one[1]) and one[0] not in MAY_BE_EMPTY]
        time.sleep(1 if waiting else 0)
    print(f"{asked - len(waiting)} of {asked} questions have an answer")
    if waiting:
        sys.exit("\n".join(f"{title}: nothing for {question}" for title, question in waiting))


if __name__ == "__main__":
    main(*sys.argv[1:])
