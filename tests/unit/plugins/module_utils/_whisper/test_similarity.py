from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.similarity import similarity
from hypothesis import given
from hypothesis import strategies as st


def test_case_and_punctuation_do_not_count():
    assert similarity(" And so, my fellow Americans: ask not!", "and so my fellow americans ask not") == 1.0


def test_an_apostrophe_belongs_to_its_word():
    assert similarity("don't", "don t") == 0.0


@pytest.mark.parametrize(
    ("text", "expected", "share"),
    [
        ("one two three four", "one two three four", 1.0),
        ("one two three five", "one two three four", 0.75),
        ("", "one two", 0.0),
        ("four three two one", "one two three four", 0.25),
    ],
)
def test_it_is_the_share_of_words_in_the_same_order(text, expected, share):
    assert similarity(text, expected) == share


@given(st.text(), st.text())
def test_it_lies_between_0_and_1(text, expected):
    assert 0 <= similarity(text, expected) <= 1


@given(st.text())
def test_a_text_is_like_itself(text):
    assert similarity(text, text) == 1.0


def test_an_endless_text_is_compared_and_is_not_like_it():
    expected = "as long as it takes and as long as you can " * 20
    assert similarity("as long " * 500_000, expected) < 0.5


def test_a_long_text_is_compared_whole_where_as_much_was_expected():
    words = [f"word{number}" for number in range(3000)]
    assert similarity(" ".join(words), " ".join(words)) == 1.0
