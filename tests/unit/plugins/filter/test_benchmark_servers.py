"""The temporary servers of a benchmark: what they are started with, and how many are tried."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.filter.best_instances import best_instances
from ansible_collections.whisperops.gpu.plugins.filter.container_twin import container_twin
from ansible_collections.whisperops.gpu.plugins.filter.instances_worthwhile import instances_worthwhile

COMMAND = ["--host", "0.0.0.0", "--port", "8080", "--model", "/models/ggml-base.en.bin"]
SERVING = {
    "Image": "sha256:605d1fbdd7a8",
    "Config": {
        "Entrypoint": ["whisper-server"],
        "Cmd": COMMAND,
        "Env": ["LD_LIBRARY_PATH=", "OPTIONS=a=b"],
        "User": "10001:10001",
    },
    "HostConfig": {
        "Runtime": "runc",
        "Memory": 4 << 30,
        "MemorySwap": 4 << 30,
        "PidsLimit": 512,
        "Binds": ["/var/lib/whisper/models:/models:ro"],
        "DeviceRequests": [
            {"Driver": "cdi", "Count": 0, "DeviceIDs": ["nvidia.com/gpu=GPU-0"], "Capabilities": None, "Options": None}
        ],
    },
    "NetworkSettings": {"Networks": {"whisperops": {"IPAddress": "172.18.0.2"}}},
}


def test_a_copy_is_started_as_the_server_is():
    assert container_twin(SERVING) == {
        "image": "sha256:605d1fbdd7a8",
        "entrypoint": ["whisper-server"],
        "command": COMMAND,
        "env": {"LD_LIBRARY_PATH": "", "OPTIONS": "a=b"},
        "user": "10001:10001",
        "runtime": None,
        "device_requests": [{"driver": "cdi", "device_ids": ["nvidia.com/gpu=GPU-0"], "count": 0}],
        "volumes": ["/var/lib/whisper/models:/models:ro"],
        "memory": 4 << 30,
        "memory_swap": 4 << 30,
        "pids_limit": 512,
        "networks": [{"name": "whisperops"}],
        "model": "/models/ggml-base.en.bin",
    }


def test_on_the_cpu_it_is_told_so_once():
    assert container_twin(SERVING, on_cpu=True)["command"] == [*COMMAND, "--no-gpu"]
    told = {**SERVING, "Config": {**SERVING["Config"], "Cmd": [*COMMAND, "--no-gpu"]}}
    assert container_twin(told, on_cpu=True)["command"] == [*COMMAND, "--no-gpu"]
    assert SERVING["Config"]["Cmd"] == COMMAND, "the serving container is described as it was"


def test_what_a_container_does_not_have_its_copy_has_not():
    bare = {**SERVING, "Config": {**SERVING["Config"], "Env": None}, "HostConfig": {"Runtime": "nvidia"}}
    twin = container_twin(bare)
    assert (twin["env"], twin["device_requests"], twin["runtime"]) == ({}, [], "nvidia")
    assert (twin["memory"], twin["memory_swap"], twin["pids_limit"]) == (None, None, None)
    unlimited = {**SERVING, "HostConfig": {"Memory": 0, "MemorySwap": -1, "PidsLimit": None}}
    assert not any(container_twin(unlimited)[name] for name in ("memory", "memory_swap", "pids_limit"))


GPU = {"memory_used_mib": 200, "memory_total_mib": 8000}


def points(*rates, memory_mib=700):
    return [{"servers": n, "throughput": rate, "memory_mib": memory_mib} for n, rate in enumerate(rates, start=1)]


@pytest.mark.parametrize(("count", "worthwhile"), [(1, True), (14, True), (15, False)])
def test_servers_must_fit_the_memory_each_with_what_one_took(count, worthwhile):
    # 200 MiB in use, 500 for each server, 7600 usable.
    assert instances_worthwhile(points(10.0), count, GPU) is worthwhile


@pytest.mark.parametrize(
    ("rates", "worthwhile"),
    [
        ([], True),
        ([10.0, 5.0], True),
        ([10.0, 9.0, 9.0], False),
        ([10.0, 10.1, 10.2], False),
        ([10.0, 9.0, 10.3], True),
        ([10.0, 12.0, 11.0], True),
        ([10.0, 12.0, 11.0, 12.1], False),
    ],
)
def test_two_numbers_without_more_throughput_end_it(rates, worthwhile):
    assert instances_worthwhile(points(*rates), 2, GPU) is worthwhile


def test_a_gpu_that_does_not_tell_its_memory_is_given_no_more_servers():
    unknown = {"memory_used_mib": None, "memory_total_mib": None}
    assert instances_worthwhile(points(10.0), 2, unknown) is False
    assert instances_worthwhile(points(10.0, memory_mib=None), 2, GPU) is True


@pytest.mark.parametrize(
    ("rates", "best"), [([18.0], 1), ([18.0, 25.3], 2), ([18.0, 25.0, 25.3], 2), ([18.0, 24.7, 25.3], 3)]
)
def test_the_fewest_servers_near_the_most_throughput_are_best(rates, best):
    assert best_instances(points(*rates)) == best


def test_without_a_measurement_no_number_is_best():
    with pytest.raises(AnsibleFilterError, match="got no measurements"):
        best_instances([])
