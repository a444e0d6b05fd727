"""What hosts answer, where it is shown: no orders to a terminal, no borrowed lines, nothing without end."""

from __future__ import annotations

import json
import unicodedata

import pytest
from ansible_collections.whisperops.gpu.plugins.plugin_utils._sanitize import (
    bounded,
    sanitize,
    sanitize_line,
    sanitize_lines,
)
from hypothesis import given
from hypothesis import strategies as st

CLEAR_SCREEN = "\x1b[2J\x1b[H"
TITLE = "\x1b]0;root@bastion\x07"
CLIPBOARD = "\x1b]52;c;Y3VybCBldmlsLmV4YW1wbGU=\x1b\\"
LINK = "\x1b]8;;http://evil.example/\x1b\\click\x1b]8;;\x1b\\"
ONE_BYTE_CSI = "\x9b31m"
BIDI = "\u202e\u2066gpj.exe\u2069\u200f"
HOSTILE = [CLEAR_SCREEN, TITLE, CLIPBOARD, LINK, ONE_BYTE_CSI, BIDI, "a\rb", "a\x08b", "a\x00b", "\u2028", "\ud800"]


def test_what_would_hide_or_turn_is_shown_as_its_number():
    assert sanitize("a\u202eb\x00\ud800\u2028") == "a⟨U+202E⟩b⟨U+0000⟩⟨U+D800⟩⟨U+2028⟩"
    assert sanitize("שלום, déjà vu, 日本語\n\tnew line 🔥") == "שלום, déjà vu, 日本語\n\tnew line 🔥"


def test_a_text_without_end_is_cut_and_says_so():
    assert sanitize("x" * 2500) == "x" * 2000 + "… (500 more characters are in the JSON)"


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("made", [sanitize, sanitize_line, sanitize_lines])
def test_nothing_gives_a_terminal_orders(made, text):
    assert not set(made(f"before{text}after")) & set("\x1b\x9b\x07\x08\x00\r\u202e\u2066\u2028\ud800")


@given(st.text())
def test_a_line_is_one_line_and_lines_are_indented(text):
    assert len(sanitize_line(text).splitlines()) <= 1
    first, *others = sanitize_lines(text).split("\n")
    assert all(line.startswith("    ") for line in others)
    for made in (first, *others):
        assert not [one for one in made if unicodedata.category(one) in ("Cc", "Cf", "Cs") and one != "\t"]


def nested(levels):
    document = "end"
    for _level in range(levels):
        document = [document]
    return document


def test_a_value_that_python_makes_no_text_of_is_named():
    assert sanitize(nested(100_000)) == "(a list that cannot be shown)"
    assert sanitize(10**5000) == "(a int that cannot be shown)"


def test_a_document_is_kept_as_it_is_up_to_what_is_made_here():
    document = {"a": [1, 1.5, None, True, "x", {"b": []}]}
    assert bounded(document) == document
    assert "end" in json.dumps(bounded(nested(19)))


@pytest.mark.parametrize("levels", [25, 900, 20_000])
def test_what_is_nested_deeper_is_left_out(levels):
    made = json.dumps(bounded(nested(levels)))
    assert "nested too deep" in made
    assert len(made) < 1000


def test_what_is_larger_is_left_out():
    assert len(json.dumps(bounded(["x"] * 10**6))) < 2 * 10**6
    assert bounded(["x"] * 10**6)[-1] == "(left out: too many values)"
    assert bounded({str(number): 1 for number in range(10**6)})["left out"] == "too many values"
    assert len(bounded("x" * 10**6)) < 110_000
    assert len(json.dumps(bounded({"k" * 10**6: 1}))) < 1000
    numbers = json.dumps(bounded([10**5000, float("nan"), float("inf")]))
    assert json.loads(numbers, parse_constant=pytest.fail)[1:] == ["nan", "inf"]
