from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.filter.proxy_environment import proxy_environment

PROXY = "http://proxy.example.net:3128"


def test_no_proxy_is_no_environment():
    assert proxy_environment({}) == {}
    assert proxy_environment({"http": "", "no_proxy": ["intranet"]}) == {}


@pytest.mark.parametrize("key", ["http", "https"])
def test_one_proxy_serves_both_kinds_and_never_the_host_itself(key):
    environment = proxy_environment({key: PROXY})
    assert environment["http_proxy"] == environment["https_proxy"] == PROXY
    assert environment["no_proxy"] == "localhost,127.0.0.1,::1"


def test_two_proxies_and_what_needs_none():
    environment = proxy_environment(
        {"http": PROXY, "https": "https://user:pa%20ss@other:443", "no_proxy": [".lan", "10.0.0.0/8"]}
    )
    assert environment["http_proxy"] == PROXY
    assert environment["https_proxy"] == "https://user:pa%20ss@other:443"
    assert environment["no_proxy"] == "localhost,127.0.0.1,::1,.lan,10.0.0.0/8"


def test_upper_case_says_the_same():
    environment = proxy_environment({"http": PROXY, "no_proxy": "a, b"})
    assert environment["no_proxy"] == "localhost,127.0.0.1,::1,a,b"
    assert {name.upper(): value for name, value in environment.items()} == {
        name: value for name, value in environment.items() if name.isupper()
    }


@pytest.mark.parametrize(
    "wrong",
    [
        PROXY,
        None,
        ["a"],
        {"htp": PROXY},
        {"http": "proxy.example.net:3128"},
        {"http": "socks5://proxy:1080"},
        {"http": "http://"},
        {"http": "http://proxy:port"},
        {"http": "http://proxy:99999"},
        {"http": "http://a b"},
        {"https": 'http://a"b'},
        {"http": ["http://a"]},
        {"http": PROXY, "no_proxy": ["a,b"]},
        {"http": PROXY, "no_proxy": [1]},
    ],
)
def test_what_is_no_proxy_is_refused(wrong):
    with pytest.raises(AnsibleFilterError, match=r"^proxy_invalid: whisper_proxy .*http://proxy\.example\.net:3128"):
        proxy_environment(wrong)


def test_a_password_is_not_shown():
    with pytest.raises(AnsibleFilterError) as refusal:
        proxy_environment({"http": "http://user:secret word@proxy:3128"})
    assert "secret" not in str(refusal.value)
