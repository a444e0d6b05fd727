"""What was recorded is removed, and nothing that somebody else put or mounted there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._system.file_removal import FileRemoval, mount_points


def write(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x", encoding="utf-8")
    return str(path)


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A directory of the collection in one of the host."""
    top = tmp_path / "lib" / "whisper"
    write(top / "models" / "ggml.bin")
    return top


def remove(test=False, mounts=(), other_file_systems=(), **paths):
    names = {kind: [str(path) for path in given] for kind, given in paths.items()}
    return FileRemoval(test, map(str, mounts), lambda path, seen: 2 if Path(path) in other_file_systems else 1).remove(
        **names
    )


def everything(ours):
    return {"files": [ours / "models" / "ggml.bin"], "directories": [ours, ours / "models"]}


def test_files_are_removed_and_then_the_empty_directories(ours):
    done = remove(**everything(ours))
    assert done.removed == [str(ours)]
    assert done.left == []
    assert ours.parent.exists()
    assert not ours.exists()


def test_a_second_removal_has_nothing_to_do(ours):
    remove(**everything(ours))
    assert remove(**everything(ours)) == ([], [])


def test_a_file_of_somebody_else_keeps_its_directories_and_is_said_once(ours):
    foreign = ours / "models" / "theirs.bin"
    write(foreign)
    done = remove(**everything(ours))
    assert foreign.exists()
    assert done.removed == [str(ours / "models" / "ggml.bin")]
    assert done.left == [f"{ours}/models (not empty: theirs.bin)"]


def test_check_mode_says_what_the_run_then_does(ours):
    write(ours / "logs" / "theirs.log")
    paths = {**everything(ours), "trees": [ours / "models"], "directories": [ours, ours / "models", ours / "logs"]}
    said = remove(test=True, **paths)
    assert (ours / "models" / "ggml.bin").exists()
    assert said == remove(**paths)
    assert said.removed == [str(ours / "models")]


@pytest.mark.parametrize("kind", ["mounts", "other_file_systems"])
def test_what_is_mounted_below_is_left(ours, kind):
    done = remove(**everything(ours), **{kind: [ours / "models"]})
    assert (ours / "models" / "ggml.bin").exists()
    assert f"{ours}/models/ggml.bin (another file system)" in done.left
    assert f"{ours}/models (another file system)" in done.left


@pytest.mark.parametrize("kind", ["mounts", "other_file_systems"])
def test_a_tree_is_emptied_only_as_far_as_its_file_system_goes(ours, kind):
    foreign = ours / "build" / "shared" / "theirs"
    write(foreign)
    write(ours / "build" / "deep" / "source")
    done = remove(trees=[ours / "build"], **{kind: [ours / "build" / "shared"]})
    assert foreign.exists()
    assert not (ours / "build" / "deep").exists()
    assert done.removed == [f"{ours}/build/deep"]
    assert done.left == [f"{ours}/build/shared (another file system)"]


@pytest.mark.parametrize("kind", ["mounts", "other_file_systems"])
def test_a_disk_that_was_mounted_before_the_deployment_is_left(ours, kind):
    done = remove(files=[ours / "models" / "ggml.bin"], **{kind: [ours / "models"]})
    assert (ours / "models" / "ggml.bin").exists()
    assert done.left == [f"{ours}/models/ggml.bin (another file system)"]


def test_a_file_that_is_a_mount_point_is_left(ours):
    done = remove(**everything(ours), mounts=[ours / "models" / "ggml.bin"])
    assert f"{ours}/models/ggml.bin (a mount point)" in done.left
    assert (ours / "models" / "ggml.bin").exists()


def test_a_link_is_removed_and_not_followed(ours, tmp_path):
    foreign = Path(write(tmp_path / "theirs" / "file"))
    (ours / "models" / "link").symlink_to(foreign)
    (ours / "tree").mkdir()
    (ours / "tree" / "link").symlink_to(foreign.parent)
    done = remove(files=[ours / "models" / "link"], trees=[ours / "tree"])
    assert done.removed == [f"{ours}/models/link", f"{ours}/tree"]
    assert foreign.exists()


@pytest.mark.parametrize("kind", ["files", "trees", "directories"])
def test_the_way_goes_through_no_link(ours, tmp_path, kind):
    foreign = Path(write(tmp_path / "theirs" / "ggml.bin"))
    (foreign.parent / "empty").mkdir()
    (ours / "models" / "ggml.bin").unlink()
    (ours / "models").rmdir()
    (ours / "models").symlink_to(foreign.parent)
    name = {"files": "ggml.bin", "trees": "empty", "directories": "empty"}[kind]
    done = remove(**{"directories": [ours], kind: [ours, ours / "models" / name][kind != "directories" :]})
    assert foreign.exists()
    assert (foreign.parent / "empty").exists()
    assert f"{ours}/models/{name} (behind a link, or no directory)" in done.left


def test_a_link_above_the_first_directory_of_ours_is_the_hosts(ours, tmp_path):
    (tmp_path / "moved").symlink_to(ours.parent)
    moved = tmp_path / "moved" / "whisper"
    assert remove(**everything(moved)).left == []
    assert not ours.exists()


def test_a_directory_that_has_the_name_of_a_file_is_left(ours):
    done = remove(files=[ours / "models"])
    assert done.left == [f"{ours}/models (a directory)"]


def test_contents_go_and_their_mounted_directory_stays(ours):
    foreign = Path(write(ours / "models" / "shared" / "theirs"))
    done = remove(contents=[ours / "models", ours / "none"], mounts=[ours / "models", foreign.parent])
    assert done.removed == [f"{ours}/models/ggml.bin"]
    assert done.left == [f"{ours}/models/shared (another file system)"]
    assert foreign.exists()


def test_what_the_kernel_refuses_is_left_and_the_rest_goes(ours, monkeypatch):
    write(ours / "models" / "other")

    def busy(name, dir_fd):
        if name == "ggml.bin":
            raise OSError(16, "Device or resource busy")
        remove_file(name, dir_fd=dir_fd)

    remove_file = os.unlink
    monkeypatch.setattr(os, "unlink", busy)
    done = remove(files=[ours / "models" / "ggml.bin", ours / "models" / "other"], directories=[ours])
    assert f"{ours}/models/ggml.bin (Device or resource busy)" in done.left
    assert not (ours / "models" / "other").exists()


def test_mount_points_are_read_with_their_escapes(tmp_path):
    table = tmp_path / "mountinfo"
    table.write_text(
        "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 21 0:5 / /srv/a\\040disk rw shared:1 - tmpfs tmpfs rw\n", "utf-8"
    )
    assert mount_points(str(table)) == {"/", "/srv/a disk"}


def test_the_mounts_of_this_host_are_read():
    assert "/" in mount_points()
