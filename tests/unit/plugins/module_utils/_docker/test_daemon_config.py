"""One change of daemon.json: what is refused, what is written, and what becomes of the engine."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

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

sys.path.insert(0, str(Path(__file__).parent))
from engine_on_a_host import RUNTIME, SHOWN, Engine, apply  # beside this file


@pytest.fixture
def path(tmp_path):
    return tmp_path / "daemon.json"


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
        ('{"labels": ' + "[" * 60 + "]" * 60 + "}", "nested deeper than 50 levels"),
        ('{"a":' * 900 + "1" + "}" * 900, "nested deeper than 50 levels"),
        ("[" * 200_000, "nested deeper than 50 levels"),
        ('{"max-download-attempts": ' + "1" * 5000 + "}", "digits"),
    ],
    ids=range(13),
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


@pytest.mark.parametrize("options", ["--label=it's", '-D "--mtu 1400', "-D \\"])
def test_options_that_cannot_be_split_into_words_are_refused(path, options):
    engine = Engine(path)
    engine.defaults = f"DOCKER_OPTS={options}\n"
    with pytest.raises(DaemonConfigError, match=r"^daemon_options_malformed: DOCKER_OPTS in "):
        apply(path, engine, RUNTIME)
    assert not path.exists()
    assert engine.done == []


def test_a_folder_that_cannot_be_written_to_is_refused(path, monkeypatch):
    path.write_text("{}")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DaemonConfigError, match=r"^daemon_config_unwritable: .*its directory cannot be written to"):
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
    assert "http://********@p:3128" in shown["after"]
