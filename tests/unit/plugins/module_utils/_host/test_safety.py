"""Root writes nothing where somebody else decides where it lands, and starts nothing as somebody else."""

from __future__ import annotations

import os
import pwd

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._host import safety

US = os.geteuid()


def nobody(number):
    raise KeyError(number)


def user(shell):
    return lambda number: pwd.struct_passwd(("ann", "x", number, number, "", "/home/ann", shell))


def made(root, *directories):
    for directory in directories:
        (root / directory.lstrip("/")).mkdir(parents=True, mode=0o755)
    for path in [root, *root.rglob("*")]:
        path.chmod(0o755)
    return root


def found(root, directories=(), environment=None, server_user="10001:10001", **host):
    host = safety.Host(str(root), **{"owner": US, "lookup": nobody, **host})
    problem = host.problem(directories, server_user, environment or {})
    return problem and (problem.code, problem.message)


def test_a_host_without_anything_is_safe_and_so_is_one_with_everything(tmp_path):
    assert found(tmp_path) is None
    made(tmp_path, "/etc/whisper", "/var/lib/whisper/models", "/var/cache/whisperops/build", "/usr/local/lib/whisper")
    (tmp_path / "var/lib/whisper/models/ggml-base.en.bin").write_text("a model")
    assert found(tmp_path, ["/var/lib/whisper/models", "/srv/models"]) is None


@pytest.mark.parametrize("directory", safety.DIRECTORIES)
def test_a_directory_of_somebody_else_is_refused(tmp_path, directory):
    made(tmp_path, directory)
    code, message = found(tmp_path, owner=US + 1)
    assert code == "directory_unsafe"
    assert f"belongs to the user with the ID {US}" in message


@pytest.mark.parametrize(("mode", "said"), [(0o757, "everybody"), (0o1777, "everybody"), (0o775, "the group")])
def test_a_directory_that_others_can_write_is_refused(tmp_path, mode, said):
    made(tmp_path, "/var/lib/whisper")
    os.chown(tmp_path / "var/lib/whisper", -1, 4242) if US == 0 else None
    (tmp_path / "var/lib/whisper").chmod(mode)
    code, message = found(tmp_path)
    assert code == "directory_unsafe"
    assert message.startswith(f"/var/lib/whisper can be written by {said}")


def test_a_directory_of_the_operators_is_checked_with_all_above_it(tmp_path):
    made(tmp_path, "/srv/data/models")
    assert found(tmp_path, ["/srv/data/models"]) is None
    (tmp_path / "srv/data").chmod(0o757)
    code, message = found(tmp_path, ["/srv/data/models"])
    assert code == "directory_unsafe"
    assert message.startswith("/srv/data can be written by everybody")
    # As /tmp: nobody can replace what is in it and not theirs.
    (tmp_path / "srv/data").chmod(0o1757)
    assert found(tmp_path, ["/srv/data/models"]) is None


@pytest.mark.skipif(US != 0, reason="only root gives a directory to a group that is not its own")
def test_a_group_above_a_directory_is_refused_but_debians_staff(tmp_path):
    made(tmp_path, "/srv/data/models", "/usr/local/lib/whisper")
    for place in ("srv/data", "usr/local", "usr/local/lib"):
        os.chown(tmp_path / place, -1, 50)
        (tmp_path / place).chmod(0o2775)
    assert found(tmp_path) is None
    code, message = found(tmp_path, ["/srv/data/models"])
    assert code == "directory_unsafe"
    assert message.startswith("/srv/data can be written by the group with the ID 50")
    (tmp_path / "usr/local/lib/whisper").chmod(0o2775)
    os.chown(tmp_path / "usr/local/lib/whisper", -1, 50)
    assert found(tmp_path)[1].startswith("/usr/local/lib/whisper can be written by the group")


# One is itself a directory of the collection, the other is a file in one.
@pytest.mark.parametrize("name", ["metrics", "proof.json"])
def test_a_link_out_of_a_directory_is_refused(tmp_path, name):
    made(tmp_path, "/var/lib/whisper", "/etc/cron.d")
    (tmp_path / "var/lib/whisper" / name).symlink_to("/etc/cron.d")
    code, message = found(tmp_path)
    assert code == "directory_unsafe"
    assert message.startswith(f"/var/lib/whisper/{name} is a symbolic link")


@pytest.mark.parametrize("directory", ["/var/lib/whisper", "/srv/models"])
def test_a_link_in_place_of_a_directory_is_refused(tmp_path, directory):
    made(tmp_path, "/etc/cron.d", os.path.dirname(directory))
    (tmp_path / directory.lstrip("/")).symlink_to(tmp_path / "etc/cron.d")
    code, message = found(tmp_path, ["/srv/models"])
    assert code == "directory_unsafe"
    assert message.startswith(f"{directory} is a symbolic link")


def test_a_link_of_root_above_a_directory_leads_on(tmp_path):
    made(tmp_path, "/data/models")
    (tmp_path / "srv").symlink_to(tmp_path / "data")
    assert found(tmp_path, ["/srv/models"]) is None
    (tmp_path / "data").chmod(0o757)
    assert found(tmp_path, ["/srv/models"])[0] == "directory_unsafe"


def test_a_file_in_place_of_a_directory_is_refused(tmp_path):
    made(tmp_path, "/etc")
    (tmp_path / "etc/whisper").write_text("")
    assert found(tmp_path) == (
        "directory_unsafe",
        "/etc/whisper is no directory, and root would write in /etc/whisper.",
    )


@pytest.mark.parametrize("shell", ["/bin/bash", ""])
def test_the_id_of_somebody_who_can_log_in_is_refused(tmp_path, shell):
    code, message = found(tmp_path, lookup=user(shell))
    assert code == "server_user_taken"
    assert "10001 of whisper_server_user is that of ann" in message


def test_the_id_of_a_system_user_and_a_free_one_are_taken(tmp_path):
    assert found(tmp_path, lookup=user("/usr/sbin/nologin")) is None
    assert found(tmp_path, lookup=nobody) is None
    for names_no_number in ("0:0", "whisper", ""):
        assert found(tmp_path, lookup=user("/bin/bash"), server_user=names_no_number) is None


@pytest.mark.parametrize(
    "environment",
    [
        {"DOCKER_HOST": "tcp://10.0.0.1:2375"},
        {"DOCKER_HOST": "unix:///run/user/1000/docker.sock"},
        {"DOCKER_CONTEXT": "rootless"},
    ],
)
def test_an_engine_somewhere_else_is_refused(tmp_path, environment):
    code, message = found(tmp_path, environment=environment)
    assert code == "engine_elsewhere"
    assert next(iter(environment.values())) in message


@pytest.mark.parametrize("named", [*safety._SOCKETS, ""])
def test_the_hosts_own_socket_may_be_named(tmp_path, named):
    assert found(tmp_path, environment={"DOCKER_HOST": named, "DOCKER_CONTEXT": "default"}) is None


def test_an_engine_without_root_is_refused_unless_there_is_one_with_root(tmp_path):
    made(tmp_path, "/run/user/1000")
    (tmp_path / "run/user/1000/docker.sock").write_text("")
    code, message = found(tmp_path)
    assert code == "engine_rootless"
    assert "/run/user/1000/docker.sock" in message
    (tmp_path / "run/docker.sock").write_text("")
    assert found(tmp_path) is None
