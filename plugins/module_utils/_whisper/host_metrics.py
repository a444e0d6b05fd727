# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host can say of its plan, servers, driver and kernel log, as text for node_exporter's textfile collector.

Run by a systemd timer. Needs Python 3.8 and nothing next to it, and changes nothing but its two files. Private to this
collection.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import time
from pathlib import Path
from typing import Any, Callable, Iterable, NamedTuple

from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.isolation import IsolatedCallError, call_isolated
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.nvml_binding import init_code
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.activation import unloaded
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.endpoints import PATH, EndpointsError, read

NVIDIA = "0x10de"
DISPLAY = "0x03"
KERNEL_LOG_BYTES = 16 * 1024 * 1024
KERNEL_LOG_SECONDS = 5
NVML_SECONDS = 15
HEALTH_SECONDS = 5
# "NVRM: Xid (PCI:0000:3b:00): 79, …", on a MIG instance "NVRM: Xid (PCI:0000:3b:00 GPU-I:05): 13, …".
XID = re.compile(r"NVRM: Xid \((?:PCI:)?(?P<pci>[0-9A-Fa-f:.]+)[^)]*\): (?P<xid>\d+)\b")
# A record of /dev/kmsg: priority, sequence number, microseconds since boot, flags; message.
RECORD = re.compile(r"^\d+,(?P<sequence>\d+),(?P<microseconds>\d+),[^;]*;(?P<message>.*)$")


class Sample(NamedTuple):
    name: str
    labels: dict[str, str]
    value: float


HELP = {
    "whisper_gpu_present": ("gauge", "Whether an NVIDIA display device is on the PCI bus."),
    "whisper_nvml_init_success": ("gauge", "Whether the driver's library came up."),
    "whisper_nvml_init_code": ("gauge", "What nvmlInit returned: 0 success, 18 driver and library differ."),
    "whisper_plan_info": ("gauge", "The plan that was deployed."),
    "whisper_server_up": ("gauge", "Whether a server answers on its port."),
    "whisper_server_unloaded": ("gauge", "Whether a server is unloaded because nobody uses it; a request loads it."),
    "whisper_server_busy": ("gauge", "Whether a server took the connection but had no time to say how it is."),
    "whisper_kernel_log_readable": ("gauge", "Whether the kernel's log could be read for Xid errors."),
    "whisper_xid_errors_total": ("counter", "Xid errors in the kernel's log since the host's start."),
    "whisper_xid_last_timestamp_seconds": ("gauge", "When the last of these Xid errors was logged."),
}


def escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def text_of(samples: Iterable[Sample]) -> str:
    """Prometheus' text format, the metrics in the order of HELP."""
    groups: dict[str, list[Sample]] = {name: [] for name in HELP}
    for sample in samples:
        groups[sample.name].append(sample)
    lines = []
    for name, group in groups.items():
        if group:
            kind, meaning = HELP[name]
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
        for sample in group:
            labels = ",".join(f'{key}="{escaped(value)}"' for key, value in sample.labels.items())
            lines.append("{}{} {!r}".format(name, "{" + labels + "}" if labels else "", sample.value))
    return "\n".join(lines) + "\n"


def write(path: Path, text: str) -> None:
    """All of it or nothing: the collector never reads half a file."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    beside.chmod(0o644)
    os.replace(str(beside), str(path))


# --- the GPU and its driver -----------------------------------------------------------------------------------------


def gpu_present(devices: Path) -> bool:
    def first_line(path: Path) -> str:
        try:
            return path.read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            return ""

    return any(
        first_line(device / "vendor") == NVIDIA and first_line(device / "class").startswith(DISPLAY)
        for device in (devices.iterdir() if devices.is_dir() else ())
    )


def nvml_code(ask: Callable[[], int | None] = init_code) -> int | None:
    """None where there is no library, or it does not come back."""
    try:
        code = call_isolated(ask, NVML_SECONDS)
    except IsolatedCallError:
        return None
    return code if isinstance(code, int) else None


def driver_samples(present: bool, code: int | None) -> list[Sample]:
    if not present:
        return []
    known = [] if code is None else [Sample("whisper_nvml_init_code", {}, code)]
    return [Sample("whisper_nvml_init_success", {}, int(code == 0)), *known]


# --- the plan and its servers ---------------------------------------------------------------------------------------


def read_json(path: Path) -> dict[str, Any]:
    """What is not there or not readable says nothing."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def plan_samples(plan: dict[str, Any]) -> list[Sample]:
    labels = {key: str(plan.get(key) or "") for key in ("runtime", "verdict", "origin", "image")}
    return [Sample("whisper_plan_info", labels, 1)] if plan else []


def health(address: str, port: int) -> tuple[int, int]:
    """Up and busy. A server has one queue for everything: too busy to answer is not the same as gone."""
    connection = http.client.HTTPConnection(address, port, timeout=HEALTH_SECONDS)
    try:
        connection.connect()
    except OSError:
        return 0, 0
    try:
        connection.request("GET", "/health")
        return int(connection.getresponse().status == http.client.OK), 0
    except TimeoutError:
        return 1, 1
    except (OSError, http.client.HTTPException) as error:
        # Before Python 3.10 a timeout of a socket is a class of its own.
        return (1, 1) if "timed out" in str(error) else (0, 0)
    finally:
        connection.close()


def server_samples(endpoints: str) -> list[Sample]:
    """Of the servers in the file of endpoints. A file that is not there or not readable says nothing."""
    try:
        servers = read(endpoints)
    except EndpointsError:
        return []
    samples = []
    for server in servers:
        labels = {"server": server["container"] or "", "gpu": server["gpu"] or ""}
        up, busy = health(server["address"] or "127.0.0.1", server["port"])
        away = unloaded(server["port"])
        samples += [
            Sample("whisper_server_up", labels, up),
            Sample("whisper_server_unloaded", labels, int(away)),
            Sample("whisper_server_busy", labels, busy),
        ]
    return samples


# --- the kernel's log -----------------------------------------------------------------------------------------------


def kernel_log(path: Path) -> list[str] | None:
    """Its lines, at most KERNEL_LOG_BYTES of them; None where it may not be read."""
    try:
        descriptor = os.open(str(path), os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    read = b""
    end = time.monotonic() + KERNEL_LOG_SECONDS
    try:
        while len(read) < KERNEL_LOG_BYTES and time.monotonic() < end:
            try:
                part = os.read(descriptor, 8192)
            except BlockingIOError:
                break
            except BrokenPipeError:
                # The kernel has overwritten what was to be read next.
                continue
            if not part:
                break
            read += part
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return read.decode("utf-8", "replace").splitlines()


def counted_xids(state: dict[str, Any], boot: str, lines: Iterable[str], started: float) -> dict[str, Any]:
    """The state after these lines: what was counted before is known by its sequence number."""
    if state.get("boot") != boot or not isinstance(state.get("xids"), dict):
        state = {"boot": boot, "sequence": -1, "xids": {}}
    xids = {key: list(value) for key, value in state["xids"].items()}
    newest = int(state["sequence"])
    for record in filter(None, map(RECORD.match, lines)):
        if int(record["sequence"]) <= int(state["sequence"]):
            continue
        newest = max(newest, int(record["sequence"]))
        found = XID.search(record["message"])
        if found:
            key = "{} {}".format(found["pci"].lower(), found["xid"])
            count = xids.get(key, [0, 0])[0]
            xids[key] = [count + 1, round(started + int(record["microseconds"]) / 1e6, 3)]
    return {"boot": boot, "sequence": newest, "xids": xids}


def xid_samples(state: dict[str, Any]) -> list[Sample]:
    samples = []
    for key, (count, last) in sorted(state["xids"].items()):
        pci, xid = key.split()
        labels = {"pci_bus_id": pci, "xid": xid}
        samples.append(Sample("whisper_xid_errors_total", labels, count))
        samples.append(Sample("whisper_xid_last_timestamp_seconds", labels, last))
    return samples


def kernel_samples(log: Path, state_file: Path) -> list[Sample]:
    lines = kernel_log(log)
    if lines is None:
        return [Sample("whisper_kernel_log_readable", {}, 0)]
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    started = time.time() - time.monotonic()
    state = counted_xids(read_json(state_file), boot, lines, started)
    write(state_file, json.dumps(state))
    return [Sample("whisper_kernel_log_readable", {}, 1), *xid_samples(state)]


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument(
        "--textfile", type=Path, required=True, help="file to write, in the directory that node_exporter collects"
    )
    options.add_argument("--state", type=Path, required=True, help="file that remembers which Xid errors were counted")
    options.add_argument("--plan", type=Path, default=Path("/etc/whisper/plan.json"))
    options.add_argument("--endpoints", default=PATH, help="file that says where the servers are reached")
    options.add_argument("--kernel-log", type=Path, default=Path("/dev/kmsg"))
    options.add_argument("--pci-devices", type=Path, default=Path("/sys/bus/pci/devices"))
    given = options.parse_args()
    present = gpu_present(given.pci_devices)
    samples = [
        Sample("whisper_gpu_present", {}, int(present)),
        *driver_samples(present, nvml_code() if present else None),
        *plan_samples(read_json(given.plan)),
        *server_samples(given.endpoints),
        *kernel_samples(given.kernel_log, given.state),
    ]
    write(given.textfile, text_of(samples))
    return 0
