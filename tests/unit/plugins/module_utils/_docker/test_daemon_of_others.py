"""What was in daemon.json before stays, comes back, and keeps the form that it was written in."""

from __future__ import annotations

import codecs
import errno
import json
import os
import sys
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.daemon_config import DaemonConfigError

sys.path.insert(0, str(Path(__file__).parent))
from engine_on_a_host import RUNTIME, Engine, apply  # beside this file


@pytest.fixture
def path(tmp_path):
    return tmp_path / "daemon.json"


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
