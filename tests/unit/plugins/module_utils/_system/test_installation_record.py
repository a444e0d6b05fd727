"""The record keeps what each role installed, whatever happens between two runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._system.installation_record import (
    KINDS,
    ROLES,
    InstallationRecordError,
    RecordFile,
    added,
    parsed,
    recording_roles,
    removed,
    without_existing,
    written,
)

EMPTY = parsed("", "x")
CHANGE = {"undo": {"settings": {}, "absent": [["features"]], "keep_file": False}, "backup": None}


def test_an_empty_record_has_every_role_and_every_kind() -> None:
    assert set(EMPTY) == set(ROLES)
    assert all(kinds == {kind: [] for kind in KINDS} for kinds in EMPTY.values())


def test_what_was_written_is_read_again() -> None:
    record = added(EMPTY, "docker_engine", {"packages": ["docker.io", "runc"], "rpm_keys": ["gpg-pubkey-1-2"]})
    record = added(record, "nvidia_container_toolkit", {"daemon_config": [CHANGE]})
    assert parsed(written(record), "x") == record


def test_an_empty_record_is_no_text() -> None:
    assert written(removed(added(EMPTY, "whisper_image", {"images": ["a"]}), "whisper_image", {"images": ["a"]})) == ""


def test_entries_are_added_once_behind_the_earlier_ones() -> None:
    first = added(EMPTY, "docker_engine", {"packages": ["runc", "docker.io"]})
    second = added(first, "docker_engine", {"packages": ["docker.io", "gpg", "gpg"]})
    assert second["docker_engine"]["packages"] == ["runc", "docker.io", "gpg"]
    assert first["docker_engine"]["packages"] == ["runc", "docker.io"]


def test_changes_of_daemon_json_are_kept_in_their_order() -> None:
    later = {**CHANGE, "backup": "/etc/docker/daemon.json.1~"}
    record = added(added(EMPTY, "nvidia_container_toolkit", {"daemon_config": [later]}), "nvidia_container_toolkit",
                   {"daemon_config": [CHANGE, later]})  # fmt: skip
    assert record["nvidia_container_toolkit"]["daemon_config"] == [later, CHANGE]


def test_of_a_file_that_was_replaced_twice_the_last_content_of_its_owner_is_kept() -> None:
    record = EMPTY
    for content in ("one", "two"):
        record = added(record, "whisper_gateway", {"replaced_files": [{"path": "/etc/x", "content": content}]})
    assert record["whisper_gateway"]["replaced_files"] == [{"path": "/etc/x", "content": "two"}]


def test_named_entries_are_removed_and_others_stay() -> None:
    record = added(EMPTY, "nvidia_container_toolkit", {"packages": ["a", "b"], "holds": ["a"]})
    assert removed(record, "nvidia_container_toolkit", {"holds": ["a"], "packages": []}) == added(
        EMPTY, "nvidia_container_toolkit", {"packages": ["a", "b"]}
    )


def test_without_a_name_all_entries_of_the_role_are_removed_and_those_of_other_roles_stay() -> None:
    other = added(EMPTY, "docker_engine", {"packages": ["runc"]})
    record = added(other, "whisper_gateway", {"packages": ["haproxy"], "users": ["haproxy"]})
    assert removed(record, "whisper_gateway", {kind: [] for kind in KINDS}) == other


def made(entries, *there):
    return without_existing(entries, "/etc/whisper", lambda path: path in {"/", "/var", "/var/lib", "/etc", *there})


def test_a_file_is_recorded_with_the_missing_directories_above() -> None:
    entries = made({"files": ["/var/lib/whisper/models//ggml.bin"], "packages": ["runc"]})
    assert entries["files"] == ["/var/lib/whisper/models/ggml.bin"]
    assert entries["directories"] == ["/var/lib/whisper", "/var/lib/whisper/models"]
    assert entries["packages"] == ["runc"]


def test_what_is_there_already_is_somebody_elses() -> None:
    there = ("/var/lib/whisper", "/var/lib/whisper/build", "/var/lib/whisper/proof.json")
    entries = made({"files": [there[2]], "trees": [there[1]], "directories": [there[0]]}, *there)
    assert (entries["files"], entries["trees"], entries["directories"]) == ([], [], [])


def test_the_directory_of_the_record_itself_is_not_recorded() -> None:
    assert made({"files": ["/etc/whisper/plan.json"], "directories": ["/etc/whisper"]})["directories"] == []


def test_the_roles_with_an_entry_are_named() -> None:
    assert recording_roles(EMPTY) == []
    assert recording_roles(added(EMPTY, "whisper_server", {"files": ["/x"]})) == ["whisper_server"]


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        '{"docker_engine": []}',
        '{"a_role_of_yours": {}}',
        '{"docker_engine": {"snaps": []}}',
        '{"docker_engine": {"packages": "runc"}}',
        '{"docker_engine": {"packages": [1]}}',
        '{"nvidia_container_toolkit": {"daemon_config": ["x"]}}',
        "[" * 100_000,
        '{"whisper_server": {"files": ["models/ggml.bin"]}}',
        '{"whisper_server": {"files": ["/var/lib/whisper/../x"]}}',
        '{"whisper_server": {"directories": ["/"]}}',
        '{"whisper_image": {"trees": ["/var"]}}',
    ],
    ids=range(13),
)
def test_a_file_of_another_form_is_refused_with_its_path(text: str) -> None:
    with pytest.raises(
        InstallationRecordError, match=r"^installation_record_unreadable: /etc/whisper/installed\.json "
    ):
        parsed(text, "/etc/whisper/installed.json")


@pytest.fixture
def file(tmp_path: Path) -> RecordFile:
    return RecordFile(str(tmp_path / "whisper" / "installed.json"))


def test_a_file_that_is_not_there_is_an_empty_text(file: RecordFile) -> None:
    assert file.read() == ""
    file.replace("")
    assert not os.path.exists(file.path)


def test_everybody_may_read_file_and_directory_whatever_the_umask(file: RecordFile) -> None:
    before = os.umask(0o077)
    try:
        with file.locked():
            file.replace("{}\n")
    finally:
        os.umask(before)
    assert os.stat(file.path).st_mode & 0o777 == 0o644
    assert os.stat(os.path.dirname(file.path)).st_mode & 0o777 == 0o755


def test_an_empty_text_removes_the_file(file: RecordFile) -> None:
    with file.locked():
        file.replace("{}\n")
        file.replace("")
    assert os.listdir(os.path.dirname(file.path)) == []
