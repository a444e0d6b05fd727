"""What one host needs to know of the others."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.filter.hosts_behind_gateways import hosts_behind_gateways
from ansible_collections.whisperops.gpu.plugins.filter.hosts_on_loopback import hosts_on_loopback
from ansible_collections.whisperops.gpu.plugins.filter.image_peers import image_peers

FLEET = {
    "front": {"whisper_gateway_enabled": True, "whisper_gateway_hosts": ["gpu1", "gpu2"]},
    "gpu1": {"whisper_gateway_enabled": True, "whisper_gateway_hosts": []},
    "gpu2": {"whisper_gateway_enabled": False, "whisper_gateway_hosts": ["gpu3"]},
    "gpu3": {},
}


def test_a_gateway_asks_the_hosts_that_it_names_and_otherwise_itself():
    assert hosts_behind_gateways(["front"], FLEET) == ["gpu1", "gpu2"]
    assert hosts_behind_gateways(["gpu1"], FLEET) == ["gpu1"]


def test_each_host_is_named_once_and_what_is_no_gateway_asks_none():
    assert hosts_behind_gateways(list(FLEET), FLEET) == ["gpu1", "gpu2"]
    assert hosts_behind_gateways(["gpu2", "gpu3"], FLEET) == []


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_reaches_no_further(address):
    assert hosts_on_loopback(["gpu1"], {"gpu1": {"listen": address}}, "listen") == ["gpu1"]


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.127", "::12", "localhost.example.net", "10.127.0.1"])
def test_other_addresses_do(address):
    assert hosts_on_loopback(["gpu1"], {"gpu1": {"listen": address}}, "listen") == []


def test_a_host_without_the_variable_listens_on_loopback_and_reaches_itself():
    hostvars = {"gpu1": {}, "prometheus": {}}
    assert hosts_on_loopback(["gpu1", "prometheus"], hostvars, "listen", "prometheus") == ["gpu1"]


def test_peers_need_the_same_image_in_the_order_of_the_play():
    hostvars = {
        "a": {"whisper_image_wanted": "w:1 x86_64", "whisper_image_layers": []},
        "b": {"whisper_image_wanted": "w:1 aarch64", "whisper_image_layers": ["sha256:1"]},
        "c": {"whisper_image_wanted": "w:1 x86_64", "whisper_image_layers": ["sha256:1"]},
        "d": {"whisper_image_wanted": "w:1 x86_64"},
        "e": {},
    }
    assert image_peers(["d", "c", "b", "a", "e", "unknown"], hostvars, "w:1 x86_64") == {
        "all": ["d", "c", "a"],
        "with_image": ["c"],
    }
