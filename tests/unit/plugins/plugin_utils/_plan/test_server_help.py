"""Flags of a server against what real builds print for --help."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.whisperops.gpu.plugins.filter.unknown_server_flags import unknown_server_flags
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.server_help import flags, unknown_flags

HELP = Path(__file__).parents[5] / "tests/fixtures/whisper_server/help"
IMAGE = "ghcr.io/ggml-org/whisper.cpp:main-cuda"
LINE = ["--host", "0.0.0.0", "--port", "8080", "--model", "/models/m.bin", "--inference-path", "/a|/load"]
LINE += ["--language", "auto", "--threads", "4", "--no-gpu"]


@pytest.fixture(params=["1.8.5", "1.9.1"])
def text(request):
    return (HELP / f"{request.param}.txt").read_text(encoding="utf-8")


def test_both_forms_of_a_flag_are_found(text):
    assert {"-t", "--threads", "--host", "-dtw", "--dtw", "-vsd", "--vad-min-silence-duration-ms", "-nfa"} <= flags(
        text
    )


def test_neither_values_nor_words_are_flags(text):
    assert all(flag.startswith("-") for flag in flags(text))
    assert not {"--", "-", "-1", "-1.00", "-split", "-speech"} & flags(text)


def test_a_server_with_flags_that_the_image_knows_is_started(text):
    options = ["--carry-initial-prompt", "--beam-size", "5", "--no-flash-attn", "--vad", "--vad-threshold", "0.6"]
    assert unknown_flags(text, LINE + options, IMAGE) == []


@pytest.mark.parametrize(
    ("flag", "variable", "since"),
    [
        ("--vad", "whisper_server_vad", "1.7.6"),
        ("--no-flash-attn", "whisper_server_flash_attention", "1.8.0"),
        ("--carry-initial-prompt", "whisper_server_carry_initial_prompt", "1.8.5"),
    ],
)
def test_a_flag_that_an_older_image_lacks_is_named_with_its_variable(text, flag, variable, since):
    older = "\n".join(line for line in text.splitlines() if flag not in line.split())
    (said,) = unknown_flags(older, [*LINE, "--suppress-nst", flag], IMAGE)
    assert said.startswith(f"server_option_unknown: {variable} sets {flag}, which whisper-server of {IMAGE} does not")
    assert f"whisper.cpp {since} or newer" in said
    assert "No server was stopped or replaced." in said


def test_a_flag_of_the_role_itself_is_named_too(text):
    older = "\n".join(line for line in text.splitlines() if "--inference-path" not in line)
    (said,) = unknown_flags(older, LINE, IMAGE)
    assert said.startswith("server_option_unknown: the role sets --inference-path, which")


def test_a_prompt_may_look_like_a_flag(text):
    assert unknown_flags(text, [*LINE, "--prompt", "--made-up", "--diarize"], IMAGE) == []


@pytest.mark.parametrize("said", ["", "exec: whisper-server: not found", "--vad is no option\n-x\n"])
def test_what_is_no_help_says_nothing(said):
    assert flags(said) == frozenset()
    assert unknown_flags(said, [*LINE, "--vad"], IMAGE) == []


def test_the_output_of_a_container_is_read(text):
    result = {"container": {"Output": text}, "status": 0}
    assert unknown_server_flags(result, [*LINE, "--made-up"], IMAGE)[0].startswith(
        "server_option_unknown: the role sets"
    )
    assert unknown_server_flags({"failed": True, "msg": "no such image"}, ["--made-up"], IMAGE) == []
