"""What the control node says of a build, and what it makes of a host that answers with anything."""

from __future__ import annotations

import pytest
from ansible_collections.whisperops.gpu.plugins.action.image_build import FORM, FORM_OF_END, line, refused

LOOK = {
    "building": "whisper:61", "image": "whisper:61", "running": True, "changed": True, "log": "/b/build.log",
    "rc": None, "failure": None, "progress": {"step": 3, "steps": 9, "doing": "compiles ggml-cuda"},
}  # fmt: skip


def test_the_line_says_how_far_the_build_is():
    assert line("gpu-1", 75, LOOK) == "  gpu-1  1:15  step 3 of 9, compiles ggml-cuda"
    waiting = line("gpu-1", 5, {**LOOK, "building": "other:1"})
    assert waiting == "  gpu-1  0:05  waits for other:1, step 3 of 9, compiles ggml-cuda"


@pytest.mark.parametrize(
    "text", ["\x1b[2Jall is well", "a\nPLAY RECAP ***\nb", "\u202egnihton", "x" * 10**6], ids=range(4)
)
@pytest.mark.parametrize("place", ["doing", "step", "steps", "building"])
def test_a_build_that_says_anything_is_one_line_on_the_terminal(text, place):
    progress = LOOK["progress"] if place == "building" else {**LOOK["progress"], place: text}
    said = line("gpu-1", 75, {**LOOK, "progress": progress, "building": text if place == "building" else "whisper:61"})
    assert said.isprintable()
    assert len(said) < 3000


def test_an_answer_of_the_modules_form_is_taken():
    assert refused(LOOK, FORM) is None
    assert refused(LOOK, FORM_OF_END) is None
    assert refused({**LOOK, "rc": 1, "failure": "build_failed: x"}, FORM_OF_END) is None


@pytest.mark.parametrize(
    ("key", "odd"),
    [("building", 3), ("image", None), ("progress", "x"), ("progress", None), ("running", "no"), ("running", None)],
)
def test_an_answer_of_another_form_is_a_failure_with_a_code(key, odd):
    assert refused({**LOOK, key: odd}, FORM)["msg"].startswith("build_failed: ")
    assert refused({name: value for name, value in LOOK.items() if name != "progress"}, FORM)["failed"]


@pytest.mark.parametrize(("key", "odd"), [("failure", []), ("log", None), ("rc", "0"), ("changed", 0.5)])
def test_an_end_of_another_form_is_a_failure_with_a_code(key, odd):
    assert refused({**LOOK, key: odd}, FORM_OF_END)["msg"].startswith("build_failed: ")
