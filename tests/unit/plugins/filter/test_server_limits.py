"""The limits of a server as options of its container."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.filter.server_limits import server_limits

PLAN = {"model": "base.en", "runtime": "cuda", "servers": [{"gpu": "GPU-0", "port": 8080}]}
OPTIONS = {
    "whisper_server_memory_limit_mib": 2048,
    "whisper_server_upload_mib": 1024,
    "whisper_server_pids_limit": 512,
}
ENGINE = {"MemTotal": 64 << 30, "MemoryLimit": True, "SwapLimit": True, "PidsLimit": True}


def test_the_limits_are_options_of_the_container():
    assert server_limits(ENGINE, PLAN, OPTIONS, "gpu1") == {
        "memory": "2048M",
        "memory_swap": "2048M",
        "pids_limit": 512,
        "label": "memory: 2048 MiB, processes: 512",
        "warnings": [],
    }


def test_an_engine_that_cannot_limit_memory_is_warned_of_and_fails_nothing():
    found = server_limits({**ENGINE, "MemoryLimit": False, "PidsLimit": False}, PLAN, OPTIONS, "gpu1")
    assert (found["memory"], found["memory_swap"], found["pids_limit"]) == (None, None, None)
    assert [text.split(":")[0] for text in found["warnings"]] == ["server_limit_unsupported"] * 2
    assert "on gpu1" in found["warnings"][0]
    assert "whisper_server_memory_limit_mib" in found["warnings"][0]
    assert "whisper_server_pids_limit" in found["warnings"][1]


def test_without_an_engine_the_limits_are_as_they_are_asked_for():
    assert server_limits({}, PLAN, OPTIONS, "gpu1")["memory"] == "2048M"


def test_a_value_by_which_no_server_starts_is_refused():
    with pytest.raises(AnsibleFilterError, match="server_limit_invalid: "):
        server_limits(ENGINE, PLAN, {**OPTIONS, "whisper_server_pids_limit": 1}, "gpu1")
