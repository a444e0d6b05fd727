"""One change of daemon.json: what is refused, what is written, and what becomes of the engine."""

from __future__ import annotations

import codecs
import errno
import json
import os
import stat

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._docker import change
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.command_line import command_line, start_arguments
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.daemon_config import (
    DaemonConfigError,
    members,
    merged,
    needs_restart,
)
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.daemon_file import DaemonFile
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.engine_service import EngineService, Host
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu.command import Result

RUNTIME = {"runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}}
# Debian 13, docker.io 26.1.5: systemctl show docker --property=MainPID,ExecStart,EnvironmentFiles
SHOWN = """MainPID=1230
ExecStart={ path=/usr/sbin/dockerd ; argv[]=/usr/sbin/dockerd -H fd:// \
--containerd=/run/containerd/containerd.sock \
$DOCKER_OPTS ; ignore_errors=no ; start_time=[Sun 2026-11-22 20:13:08 UTC] ; stop_time=[n/a] ; pid=1230 ; \
code=(null) ; status=0/0 }
EnvironmentFiles=/etc/default/docker (ignore_errors=yes)
"""


# The end of what journalctl --unit docker --output cat said of that engine with an address that is none.
JOURNAL = """time="2026-11-22T20:15:07.310520Z" level=info msg="stopping event stream following graceful shutdown"
docker.service: Deactivated successfully.
Stopped docker.service - Docker Application Container Engine.
Starting docker.service - Docker Application Container Engine...
docker.service: Referenced but unset environment variable evaluates to an empty string: DOCKER_OPTS
failed to start daemon: Error initializing network controller: invalid CIDR address: 10.0.0.256/24
docker.service: Main process exited, code=exited, status=1/FAILURE
docker.service: Failed with result 'exit-code'.
Failed to start docker.service - Docker Application Container Engine.
"""


class Engine:
    """A host's engine as far as the module meets it; `accepts` says which daemon.json it comes up with."""

    def __init__(self, path, accepts=lambda settings: True, runs=True):
        self.path, self.accepts, self.runs = path, accepts, runs
        self.done = []
        self.validates = False
        self.arguments = "dockerd\0-H\0fd://\0"
        self.defaults = ""
        self.settings = self.read_settings()

    def read_settings(self):
        text = DaemonFile(str(self.path)).read()
        return json.loads(text) if text and text.strip() else {}

    def service(self):
        host = Host(self.run, lambda name: f"/bin/{name}", self.ask, self.read, lambda seconds: None)
        return EngineService(host, "docker", "/run/docker.sock", 2)

    def run(self, arguments):
        name, *rest = arguments
        if name == "/bin/dockerd":
            return Result(0, "--validate" if self.validates else "", "")
        if name == "/bin/journalctl":
            return Result(0, JOURNAL, "")
        if rest[0] == "show":
            return Result(0, SHOWN, "")
        if rest[0] in ("restart", "reload"):
            self.done.append(rest[0])
            if not self.accepts(self.read_settings()):
                self.runs = self.runs and rest[0] == "reload"
                return Result(0 if rest[0] == "reload" else 1, "", "")
            self.runs, self.settings = True, self.read_settings()
        return Result(0, "", "")

    def ask(self, socket, target):
        if not self.runs:
            return None
        if target == "/_ping":
            return "OK"
        return {
            "DefaultRuntime": self.settings.get("default-runtime", "runc"),
            "Runtimes": {"runc": {}, **self.settings.get("runtimes", {})},
        }

    def read(self, path):
        return {"/proc/1230/cmdline": self.arguments, "/etc/default/docker": self.defaults}.get(path, "")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "daemon.json"


def apply(path, engine, settings=None, absent=(), backup=False, **more):
    file, service = DaemonFile(str(path)), engine.service()
    engine.arguments += f"--config-file\0{path}\0"
    planned = change.plan(file, service, change.Request(settings or {}, absent, **more))
    planned.applied = change.way_to_apply(planned, service)
    if planned.changed:
        change.carry_out(planned, file, service, backup)
    return planned


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{\n  "debug": true\n  "bip": "10.0.0.1/24"}', "line 3, column 3: "),
        ('{"debug" true}', "line 1, column 10: "),
        ("null", "null instead of an object"),
        ('["debug"]', "an array instead of an object"),
        ('{"debug": true, "debug": false}', "'debug' stands there twice"),
        ('{"max-download-attempts": NaN}', "NaN is no value of JSON"),
        ('{"Runtimes": {}, "runtimes": {}}', "'Runtimes' and 'runtimes' differ only in case"),
        ('{"runtimes": ["nvidia"]}', "runtimes is an array where an object is to go"),
        ('{"runtimes": {"nvidia": "x"}}', 'runtimes.nvidia is the value "x" where an object is to go'),
    ],
)
def test_what_is_not_understood_is_refused_and_left(path, text, says):
    path.write_text(text)
    with pytest.raises(DaemonConfigError, match=r"^daemon_config_malformed: ") as error:
        change.plan(DaemonFile(str(path)), Engine.service(_idle(path)), change.Request(RUNTIME))
    assert says in str(error.value)
    assert path.read_text() == text


def _idle(path):
    engine = Engine.__new__(Engine)
    engine.validates = False
    engine.path, engine.runs, engine.done, engine.arguments, engine.defaults = path, False, [], "", ""
    return engine


def test_bytes_that_are_no_text_are_refused(path):
    path.write_bytes(b'{"labels": ["\xff"]}')
    with pytest.raises(DaemonConfigError, match=r"daemon_config_malformed: .*byte 13 is no UTF-8"):
        DaemonFile(str(path)).read()


@pytest.mark.parametrize("text", ["", "\n", "{}", "{}\n"])
def test_an_empty_file_is_no_settings(text):
    assert json.loads(merged(text, RUNTIME, [], "daemon.json")) == RUNTIME


def test_true_is_not_one():
    assert members(merged('{"debug": 1}', {"debug": True}, [], ""), "") == {"debug": True}


def test_other_peoples_settings_stay_in_their_order(path):
    text = (
        '{\n  "storage-driver": "overlay2",\n  "runtimes": {"kata": {"path": "/k"}},\n  "log-driver": "json-file"\n}\n'
    )
    path.write_text(text)
    engine = Engine(path)
    assert apply(path, engine, RUNTIME).changed
    after = json.loads(path.read_text())
    assert list(after) == ["storage-driver", "runtimes", "log-driver"]
    assert after["runtimes"] == {"kata": {"path": "/k"}, **RUNTIME["runtimes"]}
    assert not apply(path, engine, RUNTIME).changed
    assert engine.done == ["reload"]
    assert apply(path, engine, absent=[["runtimes", "nvidia"]]).changed
    assert path.read_text() == text


def test_a_file_of_nothing_but_ours_goes_with_it(path):
    engine = Engine(path)
    apply(path, engine, RUNTIME)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    apply(path, engine, absent=[["runtimes", "nvidia"]])
    assert not path.exists()


def test_owner_and_mode_stay_and_a_link_stays_a_link(path):
    real = path.with_name("managed.json")
    real.write_text("{}")
    real.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(real, 1234, 1235)
    path.symlink_to(real)
    apply(path, Engine(path), RUNTIME, backup=True)
    assert path.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    if os.geteuid() == 0:
        assert (real.stat().st_uid, real.stat().st_gid) == (1234, 1235)
    (backup,) = path.parent.glob("managed.json.*~")
    assert backup.read_text() == "{}"
    assert sorted(path.parent.iterdir()) == sorted([path, real, backup])


@pytest.mark.parametrize(
    ("settings", "done"),
    [
        (RUNTIME, ["reload"]),
        ({"insecure-registries": ["198.18.0.0/15"], "live-restore": True}, ["reload"]),
        ({"features": {"cdi": True}}, ["restart"]),
        ({"log-driver": "local", **RUNTIME}, ["restart"]),
    ],
)
def test_the_engine_is_restarted_only_where_a_reload_is_not_enough(path, settings, done):
    engine = Engine(path)
    planned = apply(path, engine, settings)
    assert engine.done == done == [planned.applied]
    assert needs_restart(settings) == (done == ["restart"])


def test_an_engine_that_does_not_run_is_left_alone(path):
    engine = Engine(path, runs=False)
    assert apply(path, engine, RUNTIME).applied == "none"
    assert engine.done == []
    assert path.exists()


@pytest.mark.parametrize("text", [None, '{\n  "log-driver": "local"\n}\n'])
def test_an_engine_that_does_not_come_up_gets_its_old_file_back(path, text):
    if text is not None:
        path.write_text(text)
    engine = Engine(path, accepts=lambda settings: "bip" not in settings)
    with pytest.raises(DaemonConfigError, match=r"^daemon_config_rolled_back: ") as error:
        apply(path, engine, {"bip": "10.0.0.256/24"}, backup=True)
    said = "failed to start daemon: Error initializing network controller: invalid CIDR address: 10.0.0.256/24"
    assert f"runs with the old one again. It said: {said}. Correct" in str(error.value)
    assert engine.runs
    assert engine.done == ["restart", "restart"]
    assert (path.read_text() if path.exists() else None) == text
    assert list(path.parent.iterdir()) == ([path] if text is not None else []), "a backup of what is there again"


def test_an_engine_that_does_not_come_up_at_all_is_said_to_be_down(path):
    path.write_text("{}")
    engine = Engine(path, accepts=lambda settings: False)
    with pytest.raises(DaemonConfigError, match="it does not come up with that either"):
        apply(path, engine, {"bip": "10.0.0.256/24"})
    assert path.read_text() == "{}"


def test_a_reload_that_the_engine_does_not_take_up_becomes_a_restart(path):
    engine = Engine(path)
    engine.ask = lambda socket, target: "OK" if target == "/_ping" else {"DefaultRuntime": "runc", "Runtimes": {}}
    assert apply(path, engine, RUNTIME).applied == "restart"
    assert engine.done == ["reload", "restart"]


@pytest.mark.parametrize(
    ("running", "defaults", "settings", "named"),
    [
        ("--log-driver=local", "", {"log-driver": "json-file"}, "log-driver"),
        ("-H\0tcp://127.0.0.1:2375", "", {"hosts": ["fd://"]}, "hosts"),
        ("--insecure-registry\0a:5000", "", {"insecure-registries": ["b:5000"]}, "insecure-registries"),
        ("", 'DOCKER_OPTS="--http-proxy=http://a"\n', {"proxies": {"http-proxy": "http://b"}}, "http-proxy"),
        ("-D", "", {"debug": True}, "debug"),
    ],
)
def test_a_setting_that_is_on_the_command_line_too_is_refused(path, running, defaults, settings, named):
    engine = Engine(path)
    engine.arguments += running + "\0" if running else ""
    engine.defaults = defaults
    with pytest.raises(DaemonConfigError, match=f"^daemon_config_conflict: {named} is set both in "):
        apply(path, engine, settings)
    assert not path.exists()
    assert engine.done == []


def test_runtimes_may_come_from_both(path):
    engine = Engine(path)
    engine.arguments += "--add-runtime=kata=/k\0"
    assert apply(path, engine, RUNTIME).changed


def test_a_file_that_the_engine_does_not_read_is_refused(path):
    engine = Engine(path)
    engine.arguments += "--config-file=/etc/other.json\0"
    with pytest.raises(DaemonConfigError, match=r"^daemon_config_not_read: .*/etc/other\.json"):
        change.plan(DaemonFile(str(path)), engine.service(), change.Request(RUNTIME))


def test_the_variables_of_the_service_are_looked_up():
    arguments = start_arguments(SHOWN, {"/etc/default/docker": "# a=b\nDOCKER_OPTS='-D --mtu 1400'"}.get)
    assert arguments == ["-H", "fd://", "--containerd=/run/containerd/containerd.sock", "-D", "--mtu", "1400"]
    assert set(command_line(arguments).flags) == {"hosts", "containerd", "debug", "mtu"}


def test_a_folder_that_cannot_be_written_to_is_refused(path, monkeypatch):
    path.write_text("{}")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DaemonConfigError, match=r"^daemon_config_unwritable: .*its folder cannot be written to"):
        apply(path, Engine(path), RUNTIME)
    assert path.read_text() == "{}"


def test_a_write_that_fails_leaves_the_file_and_nothing_beside_it(path, monkeypatch):
    path.write_text("{}")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(DaemonConfigError, match="No space left on device"):
        apply(path, Engine(path), RUNTIME)
    assert path.read_text() == "{}"
    assert list(path.parent.iterdir()) == [path]


def test_passwords_of_proxies_are_not_shown():
    shown = change.Change('{"a": "http://u:secret@p:3128"}', '{"a": "http://u:other@p:3128"}').diff("daemon.json")
    assert "secret" not in shown["before"]
    assert "other" not in shown["after"]
    assert "http://u:********@p:3128" in shown["after"]


# --- what was there before ------------------------------------------------------------------------------------------

OWNERS = """{
    "default-runtime": "nvidia",
    "runtimes": {
        "nvidia": {"path": "/opt/gpu/nvidia-container-runtime", "runtimeArgs": ["--debug"]}
    }
}
"""


def test_a_runtime_of_the_owner_is_not_touched(path):
    path.write_text(OWNERS)
    engine = Engine(path)
    planned = apply(path, engine, RUNTIME, keep=[["runtimes", "nvidia"]])
    assert not planned.changed
    assert planned.undo.absent == []
    assert path.read_text() == OWNERS
    assert engine.done == []


def test_a_runtime_of_the_command_line_is_the_owners_too(path):
    engine = Engine(path)
    engine.arguments += "--add-runtime\0nvidia=/opt/gpu/nvidia-container-runtime\0"
    assert not apply(path, engine, RUNTIME, keep=[["runtimes", "nvidia"]]).changed
    assert not path.exists()


@pytest.mark.parametrize("text", [None, "{}\n", '{"runtimes": {"kata": {"path": "/k"}}}', '{"runtimes": null}'])
def test_where_it_is_not_there_it_is_set(path, text):
    if text is not None:
        path.write_text(text)
    planned = apply(path, Engine(path), RUNTIME, keep=[["runtimes", "nvidia"]])
    assert planned.undo == ({}, [["runtimes", "nvidia"]])
    assert json.loads(path.read_text())["runtimes"]["nvidia"] == RUNTIME["runtimes"]["nvidia"]


def test_what_is_kept_keeps_nothing_else_out(path):
    path.write_text(OWNERS)
    apply(path, Engine(path), {"debug": True, **RUNTIME}, keep=[["runtimes", "nvidia"]])
    assert json.loads(path.read_text()) == {**json.loads(OWNERS), "debug": True}


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ('{"features": {"cdi": false, "containerd-snapshotter": true}}', {"features": {"cdi": True}}),
        ('{"log-driver": "local", "mtu": 1400}', {"log-driver": "json-file", "mtu": 1450, "debug": True}),
        ("{}\n", RUNTIME),
        ('{\n  "runtimes": {"kata": {"path": "/k"}}\n}\n', RUNTIME),
    ],
)
def test_what_it_says_of_undoing_a_change_undoes_it(path, text, settings):
    path.write_text(text)
    undo = apply(path, Engine(path), settings).undo
    assert path.read_text() != text
    apply(path, Engine(path), undo.settings, undo.absent, keep_file=True)
    assert path.read_text() == text


def test_taking_out_can_be_undone_too(path):
    path.write_text(OWNERS)
    undo = apply(path, Engine(path), absent=[["default-runtime"], ["runtimes", "nvidia"], ["debug"]]).undo
    assert not path.exists()
    apply(path, Engine(path), undo.settings, undo.absent)
    assert json.loads(path.read_text()) == json.loads(OWNERS)


@pytest.mark.parametrize(
    ("text", "flags"),
    [(OWNERS, ""), (OWNERS.replace('"default-runtime": "nvidia",', ""), "--default-runtime=nvidia\0")],
)
def test_a_runtime_that_is_the_default_is_not_taken_out(path, text, flags):
    path.write_text(text)
    engine = Engine(path)
    engine.arguments += flags
    with pytest.raises(DaemonConfigError, match=r"^daemon_config_default_runtime: default-runtime is nvidia, "):
        apply(path, engine, absent=[["runtimes", "nvidia"]])
    assert path.read_text() == text


def test_it_is_taken_out_together_with_the_default(path):
    path.write_text(OWNERS)
    assert apply(path, Engine(path), {"default-runtime": "runc"}, [["runtimes", "nvidia"]]).changed
    assert apply(path, Engine(path), absent=[["default-runtime"]]).changed


def test_a_default_that_was_lost_before_is_no_reason_to_refuse(path):
    path.write_text('{"default-runtime": "nvidia", "debug": true}')
    assert apply(path, Engine(path), absent=[["debug"]]).changed


# --- how the file is written ----------------------------------------------------------------------------------------


def test_line_ends_stay_as_they_are(path):
    text = b'{\r\n  "log-opts": {\r\n    "max-size": "10m"\r\n  }\r\n}\r\n'
    path.write_bytes(text)
    apply(path, Engine(path), {"live-restore": True, **RUNTIME})
    changed = path.read_bytes()
    assert changed.count(b"\r\n") == changed.count(b"\n") > text.count(b"\n")
    apply(path, Engine(path), absent=[["live-restore"], ["runtimes"]])
    assert path.read_bytes() == text


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")],
)
def test_the_encoding_stays_where_the_engine_reads_it(path, mark, encoding):
    text = mark + '{"labels": ["größe=8"]}'.encode(encoding)
    path.write_bytes(text)
    engine = Engine(path)
    with pytest.raises(DaemonConfigError, match=r"^daemon_config_malformed: .*engines before 23\.0 do not read"):
        apply(path, engine, RUNTIME)
    assert path.read_bytes() == text
    engine.validates = True
    apply(path, engine, RUNTIME)
    assert path.read_bytes().startswith(mark)
    assert json.loads(path.read_bytes()[len(mark) :].decode(encoding))["labels"] == ["größe=8"]
    apply(path, engine, absent=[["runtimes", "nvidia"]])
    assert path.read_bytes() == text


def busy(*_):
    raise OSError(errno.EBUSY, "Device or resource busy")


def test_a_file_that_is_a_mount_point_is_overwritten(path, monkeypatch):
    text = '{\n  "log-driver": "local"\n}\n'
    path.write_text(text)
    inode = path.stat().st_ino
    # What rename and unlink answer for a mount point, which a test without root cannot make.
    monkeypatch.setattr(os, "replace", busy)
    apply(path, Engine(path), RUNTIME)
    assert json.loads(path.read_text()) == {"log-driver": "local", **RUNTIME}
    apply(path, Engine(path), absent=[["runtimes", "nvidia"]])
    assert path.read_text() == text
    assert path.stat().st_ino == inode
    assert list(path.parent.iterdir()) == [path]


def test_a_mount_point_of_nothing_but_ours_becomes_an_empty_file(path, monkeypatch):
    path.write_text(json.dumps(RUNTIME))
    real = os.unlink
    monkeypatch.setattr(os, "replace", busy)
    monkeypatch.setattr(os, "unlink", lambda name: busy() if name == str(path) else real(name))
    apply(path, Engine(path), absent=[["runtimes", "nvidia"]])
    assert path.read_text() == "{}\n"


def test_a_full_disk_leaves_what_a_mount_point_said(path, monkeypatch):
    text = '{\n  "log-driver": "local"\n}\n'
    path.write_text(text)
    synced = []

    def full(descriptor):
        synced.append(descriptor)
        if len(synced) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", busy)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DaemonConfigError, match=r"^daemon_config_unwritable: .*No space left on device"):
        apply(path, Engine(path), RUNTIME, backup=True)
    assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]
