"""From plan and options to the command line of a server."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.action.host_plan import option_warnings
from ansible_collections.whisperops.gpu.plugins.filter.server_command import server_command
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import inputs, languages
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.models import MODELS
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.server_command import _preset

PATH = "/v1/audio/transcriptions"


def command(model="base", file=None, runtime="cuda", **given):
    options = {"whisper_server_inference_path": PATH, "whisper_server_language": ""}
    options |= {f"whisper_server_{name}": value for name, value in given.items()}
    model_file = file or MODELS[model].file
    return server_command({"model": model, "runtime": runtime}, options, model_file)


def language(**given):
    line = command(**given)["arguments"]
    return line[line.index("--language") + 1]


def refused(**given):
    with pytest.raises(AnsibleFilterError) as caught:
        command(**given)
    said = str(caught.value)
    assert said.startswith("server_option_invalid: whisper_server_")
    assert said.endswith("See docs/troubleshooting.md#server_option_invalid")
    return said


@pytest.mark.parametrize(("runtime", "last"), [("cuda", []), ("cpu", ["--no-gpu"])])
def test_a_server_without_options_is_started_as_ever(runtime, last):
    """To the letter: another line would replace each server that runs."""
    line = ["--host", "0.0.0.0", "--port", "8080", "--model", "/models/ggml-base.en.bin"]
    line += ["--inference-path", f"{PATH}|/load", "--language", "en", "--threads", "6", *last]
    assert command("base.en", runtime=runtime, threads=6) == {"arguments": line, "warnings": []}
    assert command("base.en", runtime=runtime, language="en", threads=6)["arguments"] == line


@pytest.mark.parametrize(("given", "threads"), [(0, "8"), (3, "3")])
def test_the_plan_s_threads_are_those_of_a_server_unless_the_operator_says_otherwise(given, threads):
    options = {"whisper_server_inference_path": PATH, "whisper_server_language": "", "whisper_server_threads": given}
    line = server_command({"model": "base", "runtime": "cpu", "threads": 8}, options, MODELS["base"].file)["arguments"]
    assert line[line.index("--threads") + 1] == threads
    assert "--threads" not in command(runtime="cpu", threads=0)["arguments"]


def test_options_follow_what_was_there_before():
    line = command(runtime="cpu", beam_size=5, vad=True, vad_model="silero-v6.2.0")["arguments"]
    assert line[-6:] == ["--no-gpu", "--beam-size", "5", "--vad", "--vad-model", "/models/ggml-silero-v6.2.0.bin"]


@pytest.mark.parametrize(
    ("file", "spoken"),
    [
        ("ggml-base.en.bin", "en"),
        ("ggml-small.en-tdrz.bin", "en"),
        ("ggml-tiny.en-q5_1.bin", "en"),
        ("ggml-smoke.en.bin", "en"),
        ("ggml-base.bin", "auto"),
        ("ggml-large-v3-turbo-q5_0.bin", "auto"),
        ("mine.end.bin", "auto"),
        ("garden.bin", "auto"),
    ],
)
def test_a_server_that_is_told_no_language_speaks_those_of_its_model(file, spoken):
    assert language(model=file, file=file) == spoken


@pytest.mark.parametrize("given", ["de", "german", "auto", "en", "haitian creole"])
def test_a_language_that_is_named_is_kept(given):
    assert language(language=given) == given


def test_detection_is_no_other_language_to_an_english_model():
    assert language(model="base.en", language="auto") == "auto"


@pytest.mark.parametrize(
    ("model", "given", "says"),
    [
        ("base", "klingon", "whisper.cpp does not know"),
        ("base", "DE", "whisper.cpp does not know"),
        ("base", False, '("no")'),
        ("base.en", "de", "ggml-base.en.bin speaks English alone"),
        ("base.en", "german", "ggml-base.en.bin speaks English alone"),
        ("large-v2", "yue", "was not trained for"),
        ("small", "cantonese", "was not trained for"),
    ],
)
def test_a_language_that_the_server_would_not_speak_is_refused(model, given, says):
    assert says in refused(model=model, language=given)


def test_cantonese_is_for_models_that_have_it_and_for_ones_own():
    assert language(model="large-v3-turbo-q8_0", language="yue") == "yue"
    assert language(model="mine.bin", file="mine.bin", language="yue") == "yue"


def test_languages_are_those_of_whisper_cpp():
    assert len(languages.CODES) == 100
    assert list(languages.CODES)[:3] == ["en", "zh", "de"]
    assert languages.CODES["ht"] == "haitian creole"
    assert languages.code_of("cantonese") == languages.CANTONESE == list(languages.CODES)[-1]


@pytest.mark.parametrize("given", ["en", "english"])
def test_a_multilingual_model_that_is_told_english_is_warned_of(given):
    (warning,) = command(language=given)["warnings"]
    assert "translated to English" in warning
    assert "ggml-base.bin" in warning


def test_the_plan_warns_by_the_variables_of_the_role():
    options = {name: inputs.default(name) for name in inputs.names()}
    assert option_warnings({"model": "base", "runtime": "cuda"}, options) == []
    (warning,) = option_warnings({"model": "base", "runtime": "cuda"}, {**options, "whisper_server_language": "en"})
    assert warning.startswith("whisper_server_language is en, and the model ggml-base.bin")


@pytest.mark.parametrize(
    "given", [{}, {"language": "de"}, {"language": "en", "translate": True}, {"model": "base.en", "language": "en"}]
)
def test_where_english_is_meant_nothing_is_said(given):
    assert command(**given)["warnings"] == []


def test_a_model_that_was_not_trained_to_translate_is_warned_of():
    (warning,) = command("large-v3-turbo-q5_0", translate=True)["warnings"]
    assert "not trained to translate" in warning


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"vad_threshold": 0.6}, "vad_threshold is 0.6 without VAD. Set whisper_server_vad to true"),
        ({"vad": True, "vad_model": "silero-v6.2.0", "processors": 2}, "processors is 2 with VAD"),
        ({"dtw": "auto"}, "dtw is 'auto', which whisper.cpp disables with flash attention"),
        ({"dtw": "auto", "flash_attention": True}, "disables with flash attention"),
        ({"prompt": "Docker", "max_context": 0}, "prompt is set, and with whisper_server_max_context at 0"),
        ({"carry_initial_prompt": True, "max_context": 0}, "carry_initial_prompt is set"),
        ({"model": "base.en", "translate": True}, "translate is true, and the model ggml-base.en.bin"),
        ({"dtw": "small", "flash_attention": False}, "dtw is 'small' with the model base. Set it to auto or base."),
        ({"dtw": "auto", "flash_attention": False, "model": "m.bin", "file": "m.bin"}, "with a model of your own"),
        ({"threads": -1}, "threads is -1. Set it to a whole number from 0"),
    ],
)
def test_options_that_contradict_each_other_or_the_model_are_refused(given, says):
    assert says in refused(**given)


def test_pieces_alone_and_detection_with_one_piece_are_allowed():
    assert "--processors" in command(processors=2)["arguments"]
    assert "--vad" in command(vad=True, vad_model="silero-v6.2.0", processors=1)["arguments"]


@pytest.mark.parametrize(
    ("model", "preset"),
    [
        ("base", "base"),
        ("base.en-q5_1", "base.en"),
        ("large-v3-turbo-q5_0", "large.v3.turbo"),
        ("large-v2", "large.v2"),
    ],
)
def test_alignment_heads_are_those_of_the_model(model, preset):
    line = command(model, dtw="auto", flash_attention=False)["arguments"]
    assert line[line.index("--dtw") + 1] == preset
    assert command(model, dtw=preset, flash_attention=False)["arguments"] == line


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_each_published_model_has_alignment_heads(model):
    assert _preset("auto", model).replace(".v", "-v").replace("v3.turbo", "v3-turbo") in model.name


def test_a_model_of_ones_own_may_name_the_one_that_it_was_made_from():
    line = command("m.bin", file="m.bin", dtw="large.v3", flash_attention=False)["arguments"]
    assert line[line.index("--dtw") + 1] == "large.v3"
