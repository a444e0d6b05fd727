from __future__ import annotations

import hashlib

import pytest
from ansible_collections.whisperops.gpu.plugins.filter.gateway_keys import gateway_keys

KEY = "0123456789abcdef0123456789abcdef"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()


def faults(**client):
    return gateway_keys([{"name": "newsroom", **client}])["faults"]


@pytest.mark.parametrize("key", [KEY, KEY.upper(), "a-b.c_d~e+f/0123456789abc==", "k" * 24])
def test_what_a_client_can_send_is_a_key(key):
    assert faults(key=key) == []


@pytest.mark.parametrize(
    "key",
    [
        "short",
        "k" * 23,
        KEY + "\n",
        KEY + ",more",
        KEY + " more",
        KEY + "é",
        "=" + KEY,
        KEY + "=k",
        "\t" + KEY,
        KEY + "\0",
    ],
)
def test_what_a_client_cannot_send_is_refused_and_not_shown(key):
    (said,) = faults(key=key)
    assert said.startswith("the key of newsroom has ")
    assert key not in said


@pytest.mark.parametrize("client", [{}, {"key": KEY, "sha256": DIGEST}, {"key": None}, {"sha256": ""}])
def test_a_client_has_a_key_or_its_digest(client):
    assert faults(**client) == ["newsroom has both key and sha256, or neither"]


@pytest.mark.parametrize("digest", [DIGEST[:-1], DIGEST + "\n", DIGEST[:-1] + "g"])
def test_a_digest_has_64_hexadecimal_digits(digest):
    assert faults(sha256=digest) == ["sha256 of newsroom is not 64 hexadecimal digits"]


@pytest.mark.parametrize("name", ["", "a b", "a\n", "a,b", "ä"])
def test_a_name_is_one_word_of_the_map(name):
    (said,) = faults(name=name, key=KEY)
    assert said.startswith("the name ")


def test_two_clients_of_one_name_are_refused():
    assert gateway_keys([{"name": "a", "key": KEY}, {"name": "a", "key": KEY + "1"}])["faults"] == [
        "a stands there twice"
    ]


def test_the_map_holds_digests_in_lower_case_and_no_key():
    result = gateway_keys([{"name": "a", "key": KEY}, {"name": "b", "sha256": DIGEST.upper()}])
    assert result == {"faults": [], "map": f"{DIGEST} a\n{DIGEST} b\n"}
