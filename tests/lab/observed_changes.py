"""What has changed on a host between two looks at it, in the words of the list of changes.

It knows nothing of plans: that the list says beforehand what this finds afterwards is what the test is for.

    observed_changes.py FOLDER HOST <the second look, as JSON
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, Iterator, Mapping

Change = tuple[str, str]
TIMER = "whisper-proof.timer"
FIREWALL, RULES = "whisper-firewall.service", "/etc/whisper/firewall.nft"
HAPROXY_CONFIG, UNITS = "/etc/haproxy/haproxy.cfg", "/etc/systemd/system/"
# Others come along with these.
SERVICES = ("haproxy", "openssl", "prometheus-node-exporter", "ffmpeg", "python3-aiohttp")
API = "/etc/whisper/api.json"
# Told as one with its service.
OF_ANOTHER = re.compile(r"agent|whisper-(api|decode)")
NO_SERVICES: Mapping[str, Any] = {"packages": {}, "gateway": None, "programs": [], "files": {}}


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
    return found | set(beside(*(look.get("services", NO_SERVICES) for look in (before, after))))


def beside(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Of the gateway, its agents and the exporters."""
    packages = [{name: one for name, one in look["packages"].items() if name in SERVICES} for look in (before, after)]
    yield from differences(*packages, "install", "upgrade", "remove")
    gateways = [look["gateway"] or {"servers": {}, "clients": []} for look in (before, after)]
    servers = [{f"server {name}": where for name, where in one["servers"].items()} for one in gateways]
    yield from differences(*servers, "add", "configure", "remove")
    if gateways[0]["clients"] != gateways[1]["clients"]:
        yield "configure", "the API keys"
    if after["programs"] != before["programs"]:
        yield "download", "the GPU exporter"
    for action, path in differences(before["files"], after["files"], "create", "configure", "remove"):
        name = path.rpartition("/")[2]
        if path == HAPROXY_CONFIG:
            yield "configure", "HAProxy"
        elif name == "self-signed.pem":
            yield action, "the certificate"
        elif name == "proof_agent.py":
            yield "install" if action == "create" else action, "the proof agent"
        elif path == API:
            yield "install" if action == "create" else action, "the API"
        elif name.endswith(".pyz") or (path.startswith(UNITS) and not OF_ANOTHER.search(name) and ".wants" not in path):
            yield action, name


def main(folder: Path, host: str) -> int:
    check, run = (json.loads((folder / name).read_text())[host] for name in ("check.json", "run.json"))
    tasks = [{*one["tasks"]} for one in (check, run)]
    wrong: list[tuple[str, list[Any]]] = []
    if check["list"] is None:
        # Roles by themselves, without a plan: check mode runs those of their tasks that need no result of another one.
        # Each of them tells the truth, and a host that one of them would change is not called unchanged.
        listed = [{*one["listed_tasks"]} for one in (check, run)]
        wrong = [
            ("tasks that check mode alone changes", sorted(listed[0] - listed[1])),
            ("changes of which check mode says nothing", [] if listed[0] else sorted(listed[1])),
        ]
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
