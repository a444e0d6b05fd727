"""The filters of addresses and endpoints, as roles and templates use them."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.filter import (
    host_port,
    reachable_address,
    saved_endpoints,
    whisper_endpoints,
)


def filter_of(module):
    (function,) = module.FilterModule().filters().values()
    return function


def test_a_port_may_be_text():
    assert filter_of(host_port)("::1", "8080") == "[::1]:8080"


def test_the_host_itself_and_others_reach_what_listens_everywhere():
    assert filter_of(reachable_address)("::") == "::1"
    assert filter_of(reachable_address)("::", "gpu-1") == "gpu-1"
    assert filter_of(reachable_address)("0.0.0.0", None) == "127.0.0.1"


def test_a_plan_has_endpoints():
    (server,) = filter_of(whisper_endpoints)({"servers": [{"port": 8080}]}, "w", "::", "gpu-1", "/x")
    assert server["url"] == "http://[::1]:8080/x"


@pytest.mark.parametrize("plan", [None, "x", []])
def test_what_is_no_plan_is_refused(plan):
    with pytest.raises(AnsibleFilterError, match=r"whisperops\.gpu\.whisper_endpoints: got"):
        filter_of(whisper_endpoints)(plan, "w", "::", "gpu-1", "/x")


@pytest.mark.parametrize("text", ["", None, "{", '{"servers": [{}]}'])
def test_a_saved_text_that_names_no_servers_is_an_empty_list(text):
    assert filter_of(saved_endpoints)(text) == []


def test_saved_servers_are_read_back():
    assert [one["port"] for one in filter_of(saved_endpoints)('{"servers": [{"port": 8080}]}')] == [8080]
