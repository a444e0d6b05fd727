"""What the program of the role gpu_metrics says of a host: its parts, and the whole as a host runs it."""

from __future__ import annotations

import http.server
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper import host_metrics
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.archive import archive

# As kernels wrote them: NVIDIA/NVSentinel#155, akash-network/support#244, NVIDIA's guide to GPU memory errors (on a MIG
# instance), NVIDIA/NVSentinel#155 again. The form of the records is that of /dev/kmsg.
FALLEN = "NVRM: Xid (PCI:0000:44:00): 79, GPU has fallen off the bus"
FAULT = (
    "NVRM: Xid (PCI:0000:00:07): 31, pid=2512125, name=python3.10, Ch 00000008, intr 00000000. MMU Fault: ENGINE "
    "GRAPHICS GPCCLIENT_T1_8 faulted @ 0x73ac_1c000000. Fault is of type FAULT_PDE ACCESS_TYPE_VIRT_WRITE"
)
INSTANCE = "NVRM: Xid (PCI:0000:01:00 GPU-I:05): 94, pid=7194, Contained: CE User Channel (0x9). RST: No, D-RST: No"
OTHER = "NVRM: loading NVIDIA UNIX Open Kernel Module for x86_64  570.158.01"


def record(sequence, message, seconds=10):
    return f"4,{sequence},{seconds * 1_000_000},-;{message}"


# --- the kernel's log -----------------------------------------------------------------------------------------------


def counted(*lines, state=None, boot="one"):
    return host_metrics.counted_xids(state or {}, boot, lines, started=1000.0)


def test_xids_are_counted_by_device_and_number():
    state = counted(
        record(1, FALLEN), record(2, FAULT), record(3, OTHER), record(4, FALLEN, seconds=20), record(5, INSTANCE)
    )
    assert state["xids"] == {
        "0000:44:00 79": [2, 1020.0],
        "0000:00:07 31": [1, 1010.0],
        "0000:01:00 94": [1, 1010.0],
    }
    assert state["sequence"] == 5


def test_what_was_counted_is_not_counted_again():
    first = counted(record(7, FALLEN))
    assert counted(record(7, FALLEN), state=first) == first
    assert counted(record(7, FALLEN), record(8, FALLEN), state=first)["xids"]["0000:44:00 79"][0] == 2


def test_the_device_is_named_in_one_way_however_the_kernel_writes_it():
    assert set(counted(record(1, "NVRM: Xid (PCI:0000:3B:00): 79, GPU has fallen off the bus"))["xids"]) == {
        "0000:3b:00 79"
    }


def test_another_start_of_the_host_begins_anew():
    assert counted(record(1, FALLEN), state=counted(record(900, FALLEN)), boot="two")["xids"]["0000:44:00 79"][0] == 1


@pytest.mark.parametrize("state", [{"boot": "one"}, {"boot": "one", "xids": []}])
def test_a_damaged_state_is_forgotten(state):
    assert counted(record(1, FALLEN), state=state)["xids"] == {"0000:44:00 79": [1, 1010.0]}


@pytest.mark.parametrize(
    "line", ["", " SUBSYSTEM=pci", "NVRM: Xid (PCI:0000:44:00): 79", "4,x,1,-;NVRM: Xid (PCI:0000:44:00): 79"]
)
def test_what_is_no_record_is_passed_over(line):
    assert counted(line)["xids"] == {}


def test_a_log_that_may_not_be_read_is_said_to_be(tmp_path):
    samples = host_metrics.kernel_samples(tmp_path / "none", tmp_path / "state")
    assert [(one.name, one.value) for one in samples] == [("whisper_kernel_log_readable", 0)]
    assert not (tmp_path / "state").exists()


def test_the_log_is_read_up_to_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(host_metrics, "KERNEL_LOG_BYTES", 10_000)
    (tmp_path / "log").write_text("x\n" * 100_000, encoding="ascii")
    assert len("\n".join(host_metrics.kernel_log(tmp_path / "log"))) < 20_000


def test_a_log_that_waits_for_more_is_not_waited_for(tmp_path):
    reading, writing = os.pipe()
    os.write(writing, b"4,1,1,-;hello\n")
    assert host_metrics.kernel_log(Path(f"/proc/self/fd/{reading}")) == ["4,1,1,-;hello"]
    os.close(reading)
    os.close(writing)


# --- servers --------------------------------------------------------------------------------------------------------


@pytest.fixture
def answering():
    """A function that starts a server which answers with a status, and gives its port."""
    servers = []

    def start(status):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status if self.path == "/health" else 404)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server.server_port

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_server_that_is_well_is_up(answering):
    assert host_metrics.health("127.0.0.1", answering(200)) == (1, 0)


def test_a_server_that_is_not_well_is_down(answering):
    assert host_metrics.health("127.0.0.1", answering(503)) == (0, 0)


def test_a_port_that_nobody_has_is_down():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    assert host_metrics.health("127.0.0.1", port) == (0, 0)


def test_a_server_with_no_time_to_answer_is_up_and_busy(monkeypatch):
    monkeypatch.setattr(host_metrics, "HEALTH_SECONDS", 0.1)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        assert host_metrics.health("127.0.0.1", listening.getsockname()[1]) == (1, 1)


@pytest.mark.parametrize("text", [None, "{", '{"servers": [{}]}'])
def test_without_a_file_of_endpoints_nothing_is_said_of_servers(tmp_path, text):
    if text is not None:
        (tmp_path / "servers.json").write_text(text, encoding="utf-8")
    assert host_metrics.server_samples(str(tmp_path / "servers.json")) == []


def test_a_server_on_an_ipv6_address_is_asked_there(tmp_path):
    class Server(http.server.HTTPServer):
        address_family = socket.AF_INET6

    with Server(("::1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        entry = {"port": server.server_port, "gpu": "GPU-1", "container": "w-0", "address": "::1"}
        (tmp_path / "servers.json").write_text(json.dumps({"servers": [entry]}), encoding="utf-8")
        up, unloaded, busy = host_metrics.server_samples(str(tmp_path / "servers.json"))
    assert up.labels == {"server": "w-0", "gpu": "GPU-1"}
    # It answers, though it knows no /health.
    assert (up.value, unloaded.value, busy.value) == (0, 0, 0)


# --- the GPU and its driver ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vendor", "kind", "present"),
    [("0x10de", "0x030000", 1), ("0x10de", "0x030200", 1), ("0x10de", "0x040300", 0), ("0x1002", "0x030000", 0)],
)
def test_a_gpu_is_a_display_device_of_nvidias(tmp_path, vendor, kind, present):
    device = tmp_path / "0000:01:00.0"
    device.mkdir()
    (device / "vendor").write_text(vendor + "\n", encoding="ascii")
    (device / "class").write_text(kind + "\n", encoding="ascii")
    assert host_metrics.gpu_present(tmp_path) == bool(present)


def test_a_host_without_a_pci_bus_has_none(tmp_path):
    assert not host_metrics.gpu_present(tmp_path / "none")


def test_a_driver_that_never_answers_has_failed_with_no_code():
    assert [(one.name, one.value) for one in host_metrics.driver_samples(True, None)] == [
        ("whisper_nvml_init_success", 0)
    ]


@pytest.mark.parametrize(("answer", "code"), [(0, 0), (18, 18), (None, None)])
def test_what_nvml_init_returns_is_the_code(answer, code):
    assert host_metrics.nvml_code(lambda: answer) == code


def test_a_library_that_crashes_has_no_code():
    assert host_metrics.nvml_code(lambda: os.kill(os.getpid(), signal.SIGKILL)) is None


def test_the_program_holds_what_it_imports_and_no_more():
    names = zipfile.ZipFile(io.BytesIO(archive(host_metrics.__name__))).namelist()
    assert any(name.endswith("/_gpu/nvml_library.py") for name in names)
    assert not [name for name in names if name.endswith("/_whisper/proof.py")]


def test_nothing_is_said_of_a_driver_where_no_gpu_is():
    assert host_metrics.driver_samples(False, 9) == []


# --- the whole, as a host runs it ------------------------------------------------------------------------------------


def test_a_host_is_described(tmp_path, answering):
    port = answering(200)
    plan = {
        "runtime": "cpu",
        "verdict": "cpu",
        "origin": "official",
        "image": 'odd "name"\\',
    }
    server = {"gpu": None, "port": port, "container": "whisper-server-0", "address": "127.0.0.1"}
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    (tmp_path / "servers.json").write_text(json.dumps({"servers": [server]}), encoding="utf-8")
    (tmp_path / "log").write_text(record(1, FALLEN) + "\n", encoding="utf-8")
    (tmp_path / "host_metrics.pyz").write_bytes(archive(host_metrics.__name__))
    command = [
        sys.executable,
        "-I",
        tmp_path / "host_metrics.pyz",
        "--textfile",
        tmp_path / "x.prom",
        "--state",
        tmp_path / "state.json",
    ]
    command += [
        "--endpoints",
        tmp_path / "servers.json",
        "--plan",
        tmp_path / "plan.json",
        "--kernel-log",
        tmp_path / "log",
        "--pci-devices",
        tmp_path / "none",
    ]
    for _again in range(2):
        subprocess.run([str(part) for part in command], check=True)
    lines = (tmp_path / "x.prom").read_text(encoding="utf-8").splitlines()
    figures = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    last = float(figures.pop('whisper_xid_last_timestamp_seconds{pci_bus_id="0000:44:00",xid="79"}'))
    assert last > 0
    assert figures == {
        "whisper_gpu_present": "0",
        'whisper_plan_info{runtime="cpu",verdict="cpu",origin="official",image="odd \\"name\\"\\\\"}': "1",
        'whisper_server_up{server="whisper-server-0",gpu=""}': "1",
        'whisper_server_unloaded{server="whisper-server-0",gpu=""}': "0",
        'whisper_server_busy{server="whisper-server-0",gpu=""}': "0",
        "whisper_kernel_log_readable": "1",
        'whisper_xid_errors_total{pci_bus_id="0000:44:00",xid="79"}': "1",
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "host_metrics.pyz", "log", "plan.json", "servers.json", "state.json", "x.prom",
    ]  # fmt: skip
