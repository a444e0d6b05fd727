"""What has changed on a host between two looks at it, in the words of the list of changes.

It knows nothing of plans: that the list says beforehand what this finds afterwards is what the test is for.

    observed_changes.py FOLDER HOST <the second look, as JSON
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Iterator, Mapping

Change = tuple[str, str]
TIMER = "whisper-proof.timer"
FIREWALL, RULES = "whisper-firewall.service", "/etc/whisper/firewall.nft"


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], created: str, replaced: str, removed: str
) -> Iterator[Change]:
    for name in sorted({*before, *after}):
        if name not in before:
            yield created, name
        elif name not in after:
            yield removed, name
        elif before[name] != after[name]:
            yield replaced, name


def observed(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[Change]:
    found: set[Change] = set()
    if after["engine"]["installed"] and not before["engine"]["installed"]:
        found.add(("install", "Docker Engine"))
    # The engine's own packages come and go with it.
    packages = [
        {
            name: one["version"]
            for name, one in look["packages"].items()
            if "nvidia" in name or name in ("python3-requests", "nftables")
        }
        for look in (before, after)
    ]
    found |= set(differences(*packages, "install", "upgrade", "remove"))
    for image in {*after["images"]} - {*before["images"]}:
        if image.startswith("whisperops/whisper.cpp:"):
            found.add(("build", "a local image"))
        elif "whisper" in image and "@" not in image:
            found.add(("pull", "the official image"))
    for model in {*after["models"]} - {*before["models"]}:
        found.add(("download", "the model for voice activity detection" if "silero" in model else "the model"))
    rules = [look.get("files", {}).get(RULES) for look in (before, after)]
    tables = [look.get("firewall") for look in (before, after)]
    if rules[0] != rules[1]:
        found.add(("configure", "the firewall of the servers"))
    elif tables[0] == "missing" != tables[1]:
        found.add(("start", FIREWALL))
    servers = [{one["name"]: one["id"] for one in look["servers"]} for look in (before, after)]
    found |= set(differences(*servers, "create", "replace", "remove"))
    active = [look["units"].get(TIMER) == "active" for look in (before, after)]
    if active[0] != active[1]:
        found.add(("remove" if active[0] else "configure", TIMER))
    return found


def main(folder: Path, host: str) -> int:
    check, run = (json.loads((folder / name).read_text())[host] for name in ("check.json", "run.json"))
    tasks = [{*one["tasks"]} for one in (check, run)]
    wrong: list[tuple[str, list[Any]]] = []
    if check["list"] is None:
        # Roles by themselves, without a plan: check mode runs the tasks.
        tasks = [{*one["tasks"], *one["listed_tasks"]} for one in (check, run)]
    else:
        # The run made the same list as check mode, and the host has changed as it says.
        predicted = {(change["action"], change["what"]) for change in check["list"] if change["action"] != "check"}
        changed = observed(run["host"], json.load(sys.stdin))
        wrong = [
            ("only in the list of check mode", [one for one in check["list"] if one not in run["list"]]),
            ("only in the list of the run", [one for one in run["list"] if one not in check["list"]]),
            ("in the list, and not seen on the host", sorted(predicted - changed)),
            ("seen on the host, and not in the list", sorted(changed - predicted)),
        ]
    wrong += [
        ("tasks that check mode alone changes", sorted(tasks[0] - tasks[1])),
        ("tasks that the run alone changes", sorted(tasks[1] - tasks[0])),
    ]
    for what, found in wrong:
        if found:
            print(f"{host}: {what}: {found}")
    return 1 if any(found for _what, found in wrong) else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
