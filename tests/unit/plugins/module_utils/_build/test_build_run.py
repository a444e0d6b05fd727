"""A build in the background, with real processes in place of docker."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._build import build_run

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs Linux's /proc")


def ended(folder):
    for _again in range(200):
        run = build_run.look(folder)
        if not run.running:
            return run
        time.sleep(0.05)
    raise AssertionError("it still runs after ten seconds")


def start(folder, script, image="an/image:1"):
    build_run.start(folder, image, ["/bin/sh", "-c", script], {"WORD": "from the environment"})


def test_where_nothing_was_built_there_is_nothing_to_see(tmp_path):
    assert build_run.look(tmp_path) is None
    assert build_run.log_lines(tmp_path) == []


def test_a_build_leaves_its_status_and_both_streams(tmp_path):
    start(tmp_path, "echo $WORD; echo a fault >&2; exit 3")
    assert ended(tmp_path) == build_run.Run("an/image:1", False, 3)
    assert build_run.log_lines(tmp_path) == ["from the environment", "a fault"]


def test_a_build_is_seen_while_it_runs(tmp_path):
    start(tmp_path, "sleep 30")
    run = build_run.look(tmp_path)
    os.killpg(json.loads((tmp_path / "build.json").read_text())["pid"], signal.SIGTERM)
    assert run == build_run.Run("an/image:1", True, None)


def test_one_that_was_ended_from_outside_has_no_status(tmp_path):
    start(tmp_path, "sleep 30")
    pid = json.loads((tmp_path / "build.json").read_text())["pid"]
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert build_run.look(tmp_path) == build_run.Run("an/image:1", False, None)


def test_another_process_under_the_same_number_is_not_the_build(tmp_path):
    state = {"image": "an/image:1", "pid": os.getpid(), "started_at": "1"}
    (tmp_path / "build.json").write_text(json.dumps(state))
    assert build_run.look(tmp_path).running is False


def test_the_next_build_starts_without_the_log_of_the_last(tmp_path):
    start(tmp_path, "echo old; exit 1")
    ended(tmp_path)
    start(tmp_path, "exit 0", image="an/image:2")
    assert ended(tmp_path) == build_run.Run("an/image:2", False, 0)
    assert build_run.log_lines(tmp_path) == []


def test_a_secret_is_in_a_file_of_root_alone_until_the_build_has_ended(tmp_path):
    read = "cat build.secret.source; stat -c %a build.secret.source build.log"
    secrets = {"source": "https://secret@example.net"}
    build_run.start(tmp_path, "an/image:1", ["/bin/sh", "-c", read], {}, secrets)
    assert ended(tmp_path).rc == 0
    assert build_run.log_lines(tmp_path) == ["https://secret@example.net600", "600"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build.json", "build.log", "build.rc"]
    assert build_run.secret_options(tmp_path, secrets) == [f"--secret=id=source,src={tmp_path}/build.secret.source"]


def test_the_secret_of_a_build_that_was_ended_from_outside_is_removed(tmp_path):
    build_run.start(tmp_path, "an/image:1", ["/bin/sh", "-c", "sleep 30"], {}, {"source": "secret"})
    pid = json.loads((tmp_path / "build.json").read_text())["pid"]
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert (tmp_path / "build.secret.source").exists()
    build_run.remove_secrets(tmp_path)
    assert not (tmp_path / "build.secret.source").exists()


def test_a_build_takes_the_proxies_of_its_environment_by_name():
    environment = {
        "http_proxy": "http://user:secret@proxy:3128",
        "NO_PROXY": "localhost",
        "https_proxy": "",
        "HOME": "/root",
    }
    assert build_run.options("default", environment) == ["--build-arg=http_proxy", "--build-arg=NO_PROXY"]
    assert build_run.options("host", {}) == ["--network=host"]
    assert build_run.options("default", {}) == []
