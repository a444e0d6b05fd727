from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._whisper.wrapping import wrapped

# Answers of whisper-server 1.8.5 with the smoke model, two clips in a row: with no limit given, and with max_len=500.
BROKEN = " the graphics driver is not ready three whisper zero\n graphics\n"
SOUND = " the graphics driver is not ready three whisper zero graphics\n"

JFK = " And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country.\n"


def test_a_server_that_breaks_its_answers_is_found_out():
    assert wrapped(BROKEN) is True


@pytest.mark.parametrize("answer", [SOUND, JFK, JFK.replace("you, ask", "you,\n ask")])
def test_a_sound_server_is_not(answer):
    assert wrapped(answer) is False


def test_a_word_broken_in_two_counts():
    assert wrapped(" The committee decided unanimously to reconsider its interna\ntionalization strategy.\n") is True


def test_every_line_must_be_full():
    assert wrapped(" One two three\n four five six seven eight nine ten eleven twelve thirteen\n and more\n") is False


def test_lines_that_end_with_their_phrases_are_the_models_own():
    assert (
        wrapped(" This sentence ends just before the limit of sixty bytes.\n Afterwards another one begins here.\n")
        is False
    )


def test_bytes_count_not_characters():
    line = " " + "é" * 27
    assert wrapped(f"{line}\n ééé\n") is True
    assert wrapped(f"{line.replace('é', 'e')}\n eee eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\n") is False


@pytest.mark.parametrize("answer", ["", "\n", " deploy the server image on host seven\n"])
def test_a_short_answer_does_not_tell(answer):
    assert wrapped(answer) is None
