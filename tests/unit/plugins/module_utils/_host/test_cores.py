"""Cores that a host can compute with, from what Linux says of its processors."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._host.cores import cores

TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology/{}"
# lscpu: 8 processors, 4 cores of 2 threads.
HYPERTHREADS = {TOPOLOGY.format(n, "core_cpus_list"): f"{n % 4},{n % 4 + 4}\n" for n in range(8)}
BEFORE_5_8 = {TOPOLOGY.format(n, "thread_siblings_list"): f"{n // 2 * 2}-{n // 2 * 2 + 1}\n" for n in range(8)}
QUOTA = "/sys/fs/cgroup/cpu.max"


@pytest.mark.parametrize(
    ("files", "processors", "found"),
    [
        (HYPERTHREADS, range(8), 4),
        (BEFORE_5_8, range(8), 4),
        # Bound to one thread of each of two cores, and to both threads of one.
        (HYPERTHREADS, (0, 1), 2),
        (HYPERTHREADS, (0, 4), 1),
        # A kernel that tells nothing of cores.
        ({}, range(6), 6),
        ({QUOTA: "max 100000\n"}, range(6), 6),
        ({QUOTA: "250000 100000\n"}, range(6), 2),
        ({QUOTA: "50000 100000\n"}, range(6), 1),
        ({QUOTA: "250000 0\n"}, range(6), 6),
        ({QUOTA: "nonsense"}, range(6), 6),
    ],
)
def test_threads_of_one_core_count_once_and_a_quota_counts(files, processors, found):
    assert cores(lambda path: files.get(path, ""), set(processors)) == found


def test_this_machine_has_at_least_one():
    assert cores(lambda path: "") >= 1
