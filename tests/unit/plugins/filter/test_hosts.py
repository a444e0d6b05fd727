"""What one host needs to know of the others."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.filter.enabled_hosts import enabled_hosts
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


@pytest.mark.parametrize(
    ("value", "enabled"),
    [(True, True), ("yes", True), ("true", True), (False, False), ("false", False), (None, False), ("perhaps", False)],
)
def test_a_host_is_in_a_play_where_its_variable_is_true(value, enabled):
    assert enabled_hosts(["gpu1", "elsewhere"], {"gpu1": {"x": value}}, "x") == ["gpu1"] * enabled


def test_a_host_without_the_variable_is_in_no_play():
    assert enabled_hosts(["gpu3"], FLEET, "whisper_gateway_enabled") == []


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_reaches_no_further(address):
    assert hosts_on_loopback(["gpu1"], {"gpu1": {"listen": address}}, "listen") == ["gpu1"]


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.127", "::12", "localhost.example.net", "10.127.0.1"])
def test_other_addresses_do(address):
    assert hosts_on_loopback(["gpu1"], {"gpu1": {"listen": address}}, "listen") == []


def test_a_host_without_the_variable_listens_on_loopback_and_reaches_itself():
    hostvars = {"gpu1": {}, "prometheus": {}}
    assert hosts_on_loopback(["gpu1", "prometheus"], hostvars, "listen", "prometheus") == ["gpu1"]


PEERS = {
    "a": {"whisper_image_wanted": "w:1 x86_64", "whisper_image_layers": []},
    "b": {"whisper_image_wanted": "w:1 aarch64", "whisper_image_layers": ["sha256:1"]},
    "c": {"whisper_image_wanted": "w:1 x86_64", "whisper_image_layers": ["sha256:1"]},
    "d": {"whisper_image_wanted": "w:1 x86_64"},
    "speech-1": {},
}


def peers(*hosts, build_host=""):
    return image_peers(hosts or ["d", "c", "b", "a", "speech-1", "unknown"], PEERS, "w:1 x86_64", build_host)


def test_peers_need_the_same_image_in_the_order_of_the_play():
    assert peers() == {"all": ["d", "c", "a"], "with_image": ["c"], "build_host": "c", "source": "c"}


def test_the_first_of_those_that_need_an_image_builds_it_and_gives_nothing_until_then():
    found = peers("d", "a")
    assert (found["build_host"], found["source"]) == ("d", None)
    assert peers("speech-1")["build_host"] is None


def test_a_named_build_host_is_the_only_one_that_builds_and_gives():
    found = peers(build_host="a")
    assert (found["build_host"], found["source"], found["with_image"]) == ("a", None, ["c"])
    found = peers(build_host="c")
    assert (found["build_host"], found["source"]) == ("c", "c")


@pytest.mark.parametrize("named", ["b", "speech-1"])
def test_a_build_host_of_another_image_gives_none(named):
    found = peers(build_host=named)
    assert (found["build_host"], found["source"]) == (named, None)


def test_a_build_host_that_is_not_in_this_run_gives_none():
    assert peers("d", "a", build_host="c")["source"] is None


@pytest.mark.parametrize(("named", "advice"), [("speech-l", "Did you mean speech-1?"), ("zzz", "No name")])
def test_a_build_host_that_the_inventory_does_not_know_is_refused_with_the_nearest_name(named, advice):
    with pytest.raises(AnsibleFilterError, match=f"^build_host_unknown: whisper_image_build_host is {named}") as error:
        peers(build_host=named)
    assert advice in str(error.value)
