"""Of two runs one gets the lock, until it ends."""

from __future__ import annotations

import contextlib
import fcntl
import json
import multiprocessing
import os
import threading
import time
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._system import file_lock
from ansible_collections.whisperops.gpu.plugins.module_utils._system.host_lock import HostLock
from ansible_collections.whisperops.gpu.plugins.module_utils._system.installation_record import RecordFile

ONE = {"process": 11, "started": "1", "kernel": "k", "control_node": "deploy", "user": "ops", "since": "noon"}
OTHER = {**ONE, "process": 12}
HOURS = 3600


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "whisperops.lock"


@pytest.fixture
def lock(path: Path) -> HostLock:
    return HostLock(str(path))


def test_a_host_without_a_lock_is_locked_and_says_by_whom(lock: HostLock, path: Path) -> None:
    assert lock.acquire(ONE, 4 * HOURS) is None
    assert json.loads(path.read_text()) == ONE


@pytest.mark.parametrize("umask", [0, 0o022])
def test_nobody_else_can_open_the_file_and_keep_it_locked(lock: HostLock, path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        lock.acquire(ONE, 4 * HOURS)
        assert path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


@pytest.mark.usefixtures("impatient")
def test_a_file_that_somebody_keeps_locked_is_not_waited_for_without_end(lock: HostLock, path: Path) -> None:
    path.touch()
    refused = pytest.raises(file_lock.FileLockedError, match=r"^file_locked: .*whisperops\.lock locked for 0 s")
    with locked(path), refused:
        lock.acquire(ONE, 4 * HOURS)
    assert lock.acquire(ONE, 4 * HOURS) is None


@pytest.mark.usefixtures("impatient")
def test_a_record_that_somebody_keeps_locked_is_not_waited_for_without_end(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(file_lock.FileLockedError):
        RecordFile(str(tmp_path / "installed.json")).locked().__enter__()
    with RecordFile(str(tmp_path / "installed.json")).locked():
        pass


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """By somebody who gives up, so that waiting for them fails the test and does not last for ever."""
    handle = os.open(path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    giving_up = threading.Timer(5, fcntl.flock, (handle, fcntl.LOCK_UN))
    giving_up.start()
    yield
    giving_up.cancel()
    giving_up.join()
    os.close(handle)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_lock, "LONGEST_WAIT_SECONDS", 0.1)


def test_a_second_run_is_told_which_run_has_the_lock(lock: HostLock, path: Path) -> None:
    lock.acquire(ONE, 4 * HOURS)
    assert lock.acquire(OTHER, 4 * HOURS) == ONE
    assert json.loads(path.read_text()) == ONE


def test_a_run_may_acquire_its_own_lock_again_later(lock: HostLock) -> None:
    lock.acquire(ONE, 4 * HOURS)
    assert lock.acquire({**ONE, "since": "one o'clock"}, 4 * HOURS) is None


def test_a_lock_that_was_released_is_free(lock: HostLock) -> None:
    lock.acquire(ONE, 4 * HOURS)
    assert lock.release({**ONE, "since": "at the end"})
    assert lock.acquire(OTHER, 4 * HOURS) is None


def test_the_lock_of_another_run_is_not_released(lock: HostLock) -> None:
    lock.acquire(ONE, 4 * HOURS)
    assert not lock.release(OTHER)
    assert lock.acquire(OTHER, 4 * HOURS) == ONE


def test_the_lock_of_a_run_that_has_ended_is_taken_over(lock: HostLock) -> None:
    lock.acquire(ONE, 4 * HOURS)
    assert lock.acquire(OTHER, 4 * HOURS, ended=ONE) is None


def test_a_third_run_that_came_first_keeps_what_it_took_over(lock: HostLock) -> None:
    lock.acquire(ONE, 4 * HOURS)
    third = {**ONE, "process": 13}
    lock.acquire(third, 4 * HOURS, ended=ONE)
    assert lock.acquire(OTHER, 4 * HOURS, ended=ONE) == third


@pytest.mark.parametrize(("hours", "taken"), [(3.9, False), (4.1, True)])
def test_a_lock_is_taken_over_when_it_is_stale(lock: HostLock, path: Path, hours: float, taken: bool) -> None:
    lock.acquire(ONE, 4 * HOURS)
    past = time.time() - hours * HOURS
    os.utime(path, (past, past))
    assert (lock.acquire(OTHER, 4 * HOURS) is None) is taken


@pytest.mark.parametrize("content", ["mine", "[]", "{", "[" * 4000])
def test_a_file_with_anything_else_counts_as_a_run_until_it_is_stale(lock: HostLock, path: Path, content: str) -> None:
    path.write_text(content)
    assert lock.acquire(ONE, 4 * HOURS) == {"content": content}
    os.utime(path, (1, 1))
    assert lock.acquire(ONE, 4 * HOURS) is None


def acquire_as(process: int, path: str, results: multiprocessing.Queue[bool]) -> None:
    results.put(HostLock(path).acquire({**ONE, "process": process}, 4 * HOURS) is None)


def test_of_many_runs_at_once_exactly_one_gets_the_lock(path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    results: multiprocessing.Queue[bool] = fork.Queue()
    runs = [fork.Process(target=acquire_as, args=(number, str(path), results)) for number in range(8)]
    for run in runs:
        run.start()
    assert sum(results.get(timeout=30) for _run in runs) == 1
    for run in runs:
        run.join()
