"""The role's variables reach the command line, the downloads and the check of the image's flags."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.models import HUB, VAD_MODELS
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.server_options import OPTIONS

ROLE = Path(__file__).parents[4] / "roles" / "whisper_server"
FILE = "ggml-base.bin"
VAD_FILE = VAD_MODELS["silero-v6.2.0"].file


def tasks(name):
    return yaml.safe_load((ROLE / "tasks" / f"{name}.yml").read_text(encoding="utf-8"))


def rendered(name, **given):
    loader = DataLoader()
    found = loader.load_from_file(str(ROLE / "vars" / "main.yml"), trusted_as_template=True)
    found.update(loader.load_from_file(str(ROLE / "defaults" / "main.yml"), trusted_as_template=True))
    found["whisper_server_plan"] = {"model": "base", "runtime": "cpu", "servers": [{"gpu": None, "port": 8080}]}
    templar = Templar(loader=loader, variables={**found, **given})
    return templar.template(templar.available_variables[name])


def arguments(**given):
    return rendered("_whisper_server_run", **given)["arguments"]


def test_each_option_is_handed_on():
    given = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))["_whisper_server_options"]
    others = ("whisper_server_inference_path", "whisper_server_language")
    assert [*others, *(option.variable for option in OPTIONS)] == list(given)
    for name, value in given.items():
        assert value.removeprefix("{{ ").split()[0] == name


def test_the_defaults_give_the_line_of_a_server_without_options():
    line = ["--host", "0.0.0.0", "--port", "8080", "--model", f"/models/{FILE}"]
    line += ["--inference-path", "/v1/audio/transcriptions|/load", "--language", "auto", "--no-gpu"]
    assert arguments() == line


def test_variables_of_each_type_are_arguments():
    line = arguments(
        whisper_server_prompt="[Docker, 7]",
        whisper_server_beam_size=5,
        whisper_server_no_speech_threshold=0.5,
        whisper_server_flash_attention=False,
        whisper_server_language="de",
    )
    given = ["--prompt", "[Docker, 7]", "--beam-size", "5", "--no-speech-thold", "0.5", "--no-flash-attn"]
    assert line[-7:] == given
    assert line[line.index("--language") + 1] == "de"


def test_a_wrong_option_fails_the_preflight_checks_whatever_else_is_right():
    (check,) = [task for task in tasks("preflight") if "_whisper_server_run" in str(task)]
    assert "when" not in check
    with pytest.raises(AnsibleError, match="server_option_invalid: whisper_server_beam_size is 9"):
        rendered("_whisper_server_run", whisper_server_beam_size=9)


@pytest.mark.parametrize("switch", [True, "true"])
def test_voice_activity_detection_brings_its_model(switch):
    given = {"whisper_server_vad": switch, "whisper_server_model_hub": "https://user:secret@mirror.example.net/models"}
    assert rendered("_whisper_server_model_files", **given) == [FILE, VAD_FILE]
    download = rendered("_whisper_server_download", _whisper_server_file=VAD_FILE, **given)
    assert download["url"] == f"https://user:secret@mirror.example.net/models/{VAD_FILE}"
    assert download["checksum"] == f"sha256:{VAD_MODELS['silero-v6.2.0'].sha256}"
    assert (download["own"], download["size_mib"]) == (False, 1)
    assert "secret" not in download["shown"]
    assert rendered("_whisper_server_model_mib", _whisper_server_file=VAD_FILE, **given) == 1


@pytest.mark.parametrize("switch", [False, "false"])
def test_without_it_the_model_is_the_only_file(switch):
    assert rendered("_whisper_server_model_files", whisper_server_vad=switch) == [FILE]


def test_a_model_of_ones_own_is_downloaded_with_a_published_one_that_finds_speech():
    given = {
        "whisper_server_vad": True,
        "whisper_server_model_url": "https://example.net/mine.bin?sig=1",
        "whisper_server_model_checksum": "sha256:" + 64 * "a",
    }
    assert rendered("_whisper_server_model_files", **given) == ["mine.bin", VAD_FILE]
    own = rendered("_whisper_server_download", _whisper_server_file="mine.bin", **given)
    assert (own["url"], own["own"], own["checksum"]) == (
        "https://example.net/mine.bin?sig=1",
        True,
        "sha256:" + 64 * "a",
    )
    vad = rendered("_whisper_server_download", _whisper_server_file=VAD_FILE, **given)
    assert vad["url"] == VAD_MODELS["silero-v6.2.0"].url(HUB)


def test_flags_are_checked_before_the_server_that_runs_is_stopped():
    names = [task["name"] for task in tasks("server")]
    assert names.index("Check the flags of the server") < names.index("Replace the server")


def test_the_help_is_printed_in_a_container_like_that_of_the_server_and_without_a_network():
    (asked,) = [task["community.docker.docker_container"] for task in tasks("flags") if "register" in task]
    server = next(task["community.docker.docker_container"] for task in tasks("server") if "check_mode" in task)
    # What a CUDA image needs to start, and what keeps a container in its place.
    for key in (
        "image",
        "env",
        "runtime",
        "device_requests",
        "user",
        "read_only",
        "tmpfs",
        "cap_drop",
        "security_opts",
    ):
        assert asked[key] == server[key]
    assert (asked["network_mode"], asked["command"], asked["detach"], asked["cleanup"]) == (
        "none",
        ["--help"],
        False,
        True,
    )
    assert not {"volumes", "published_ports", "networks"} & set(asked)
    assert "whisperops.server" not in asked["labels"], "it is no server"
