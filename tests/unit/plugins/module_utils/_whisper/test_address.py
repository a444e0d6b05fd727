"""Addresses with their port, IPv4, IPv6 and names alike."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.address import host_port, reachable


@pytest.mark.parametrize(
    ("host", "text"),
    [
        ("127.0.0.1", "127.0.0.1:8080"),
        ("gpu-1.example.net", "gpu-1.example.net:8080"),
        ("::1", "[::1]:8080"),
        ("fe80::1%eth0", "[fe80::1%eth0]:8080"),
        ("::", "[::]:8080"),
        ("[::1]", "[::1]:8080"),
    ],
)
def test_an_ipv6_address_has_brackets_before_a_port_and_nothing_else_has(host, text):
    assert host_port(host, 8080) == text


@pytest.mark.parametrize(
    ("listening", "own"),
    [("0.0.0.0", "127.0.0.1"), ("", "127.0.0.1"), ("::", "::1"), ("[::]", "::1"), ("10.0.0.7", "10.0.0.7")],
)
def test_the_host_itself_reaches_what_listens_everywhere_at_loopback(listening, own):
    assert reachable(listening) == own


@pytest.mark.parametrize(
    ("listening", "address"),
    [("0.0.0.0", "gpu-1"), ("::", "gpu-1"), ("10.0.0.7", "10.0.0.7"), ("[2001:db8::7]", "2001:db8::7")],
)
def test_others_reach_what_listens_everywhere_at_the_host(listening, address):
    assert reachable(listening, "gpu-1") == address
