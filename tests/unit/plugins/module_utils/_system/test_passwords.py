"""No text that is shown or kept has the credentials of a URL."""

from __future__ import annotations

import time

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._system.passwords import hidden, hidden_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://example.net/a@b/c", "https://example.net/a@b/c"),
        ("https://user:secret@example.net/a", "https://********@example.net/a"),
        ("https://secret@example.net/a", "https://********@example.net/a"),
        ("https://user:p@ss:word@example.net:8080", "https://********@example.net:8080"),
        ("https://example.net/m.bin?sig=secret", "https://example.net/m.bin?********"),
        ("https://example.net?secret", "https://example.net?********"),
        ("https://secret@[2001:db8::1]:80/a?secret#part", "https://********@[2001:db8::1]:80/a?********"),
        ("ssh://git@example.net/a.git", "ssh://********@example.net/a.git"),
        ('{"a": "http://u:secret@p:1", "b": "x@y?z"}', '{"a": "http://********@p:1", "b": "x@y?z"}'),
        ("(https://a/b?secret), then http://u:secret@c.", "(https://a/b?********), then http://********@c."),
        ("fatal: 'https://u:secret@a/b?secret': gone", "fatal: 'https://********@a/b?********': gone"),
        ("no URL: a@b?c", "no URL: a@b?c"),
    ],
)
def test_user_password_and_query_of_every_url_are_masked(text, shown):
    assert hidden(text) == shown
    assert hidden(shown) == shown


def test_credentials_are_masked_where_they_stand_apart_from_their_url():
    url = "https://someone:p%40ssword@example.net/m.bin?sig=abcdef&x=1"
    said = "nonnumeric port: 'p%40ssword', p@ssword of someone, at /m.bin?sig=abcdef&x=1 (example.net)"
    shown = "nonnumeric port: '********', ******** of ********, at /m.bin?******** (example.net)"
    assert hidden_of(said, url) == shown
    assert hidden_of("the model of example.net", "https://m@example.net/?e") == "the model of example.net"


@pytest.mark.parametrize("text", ["://" * 100_000, "a" * 300_000, "://?" + "," * 300_000 + "x", "://" + "@" * 300_000])
def test_a_hostile_text_takes_no_time(text):
    began = time.process_time()
    hidden(text)
    assert time.process_time() - began < 2
