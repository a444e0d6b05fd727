"""Options of whisper-server: types, ranges, and the flags of the releases whose help is a fixture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.models import VAD_MODELS
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import PlanInputError
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.server_options import (
    OPTIONS,
    arguments,
    flag_owner,
    values,
)

ROOT = Path(__file__).parents[5]
NUMBERS = [option for option in OPTIONS if option.kind in (int, float)]
SPECIFICATION = yaml.safe_load((ROOT / "roles/whisper_server/meta/argument_specs.yml").read_text(encoding="utf-8"))
SPECIFIED = SPECIFICATION["argument_specs"]["main"]["options"]


def of(**given):
    return values({f"whisper_server_{name}": value for name, value in given.items()})


def defaults():
    return {option.variable: SPECIFIED[option.variable].get("default") for option in OPTIONS}


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_each_option_is_a_variable_of_its_type(option):
    assert SPECIFIED[option.variable]["type"] == option.kind.__name__


def test_what_is_not_set_has_no_flag():
    assert values(defaults()) == values({}) == {}
    assert arguments({}) == []


def test_a_switch_is_a_flag_and_one_that_is_off_is_none():
    assert arguments(of(diarize=True, translate=False)) == ["--diarize"]


@pytest.mark.parametrize(("given", "flags"), [(True, ["--flash-attn"]), (False, ["--no-flash-attn"]), (None, [])])
def test_a_switch_that_is_on_by_itself_has_a_flag_for_off(given, flags):
    assert arguments(of(flash_attention=given)) == flags


@pytest.mark.parametrize(("written", "value"), [("yes", True), ("true", True), ("no", False), ("false", False)])
def test_a_switch_may_come_from_a_command_line(written, value):
    assert of(flash_attention=written) == {"flash_attention": value}


def test_numbers_and_texts_are_arguments_in_the_order_of_the_table():
    found = of(logprob_threshold=-0.5, prompt="--carry on", beam_size="5", entropy_threshold=2, best_of=3)
    assert arguments(found) == [
        *("--prompt", "--carry on"),
        *("--beam-size", "5"),
        *("--best-of", "3"),
        *("--entropy-thold", "2"),
        *("--logprob-thold", "-0.5"),
    ]


def test_a_model_for_voice_activity_detection_is_the_file_in_the_container():
    found = of(vad=True, vad_model="silero-v5.1.2", vad_threshold=0.6)
    assert arguments(found) == ["--vad", "--vad-model", "/models/ggml-silero-v5.1.2.bin", "--vad-threshold", "0.6"]


def test_without_voice_activity_detection_its_default_model_is_none():
    assert of(vad=False, vad_model="silero-v6.2.0") == {}


@pytest.mark.parametrize("option", NUMBERS, ids=lambda option: option.name)
def test_both_ends_of_a_range_are_allowed(option):
    for end in (option.least, option.most):
        found = values({option.variable: end, "whisper_server_vad": True, "whisper_server_vad_model": "silero-v6.2.0"})
        assert option.unset == end or found[option.name] == end


@pytest.mark.parametrize("option", NUMBERS, ids=lambda option: option.name)
@pytest.mark.parametrize("step", [-1, 1])
def test_a_number_out_of_its_range_is_refused_with_the_range(option, step):
    wrong = option.least - 1 if step < 0 else option.most + 1
    with pytest.raises(PlanInputError) as caught:
        values({option.variable: wrong})
    said = str(caught.value)
    assert said.startswith(f"server_option_invalid: {option.variable} is {wrong!r}. Set it to ")
    assert f"from {option.least:g} to {option.most:.10g}." in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("beam_size", 2.5),
        ("beam_size", True),
        ("beam_size", "many"),
        ("beam_size", [5]),
        ("vad_threshold", float("nan")),
        ("entropy_threshold", float("inf")),
        ("no_speech_threshold", ""),
        ("translate", "perhaps"),
        ("prompt", 7),
        ("prompt", "end\0of text"),
    ],
)
def test_a_value_of_another_type_is_refused(name, value):
    with pytest.raises(PlanInputError, match=f"^server_option_invalid: whisper_server_{name} is "):
        of(**{name: value})


def test_a_model_that_finds_no_speech_is_refused():
    with pytest.raises(PlanInputError, match=r"^server_option_invalid: whisper_server_vad_model is 'base\.en'"):
        of(vad=True, vad_model="base.en")


def test_the_models_to_choose_from_are_those_of_the_table():
    assert SPECIFIED["whisper_server_vad_model"]["choices"] == list(VAD_MODELS)


def test_a_flag_knows_its_variable():
    assert flag_owner("--no-flash-attn").variable == "whisper_server_flash_attention"
    assert flag_owner("--host") is None


# Width and layers of each model's decoder, as whisper.cpp prints them (n_text_state, n_text_layer).
DECODERS = {
    "base": (512, 6),
    "small": (768, 12),
    "medium": (1024, 24),
    "large-v3-turbo": (1280, 4),
    "large-v3": (1280, 32),
}


def cache_bytes(width, layers, texts=1):
    """Keys and values of 16 bits for 512 tokens: whisper_kv_cache_init as whisper_full_with_state calls it."""
    return 2 * 2 * 512 * width * layers * (texts + 2 if texts > 1 else 1)


def test_the_cache_of_a_server_is_as_large_as_it_says():
    log = (ROOT / "tests/fixtures/whisper_server/cpu_image.log").read_text(encoding="utf-8")
    width, layers, said = (
        re.search(rf"{what} *= +([\d.]+)", log).group(1) for what in ("n_text_state", "n_text_layer", "kv self size")
    )
    assert f"{cache_bytes(int(width), int(layers)) / 1e6:.2f}" == said


@pytest.mark.parametrize("model", DECODERS)
def test_the_documents_derive_the_memory_of_a_beam(model):
    text = (ROOT / "docs/options.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^ *\| {re.escape(model)} \| (\d+) MiB \| (\d+) MiB \| (\d+) MiB \|$", text, re.MULTILINE)
    assert [int(cell) << 20 for cell in row] == [cache_bytes(*DECODERS[model], texts) for texts in (1, 5, 8)]


@pytest.mark.parametrize("release", ["1.8.5", "1.9.1"])
def test_each_flag_is_in_the_help_of_the_releases_that_are_said_to_have_it(release):
    text = (ROOT / f"tests/fixtures/whisper_server/help/{release}.txt").read_text(encoding="utf-8")
    for option in OPTIONS:
        assert tuple(map(int, option.since.split("."))) <= tuple(map(int, release.split(".")))
        for flag in filter(None, (option.flag, option.off)):
            assert f" {flag} " in text
