from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.filter.whisper_model import whisper_model

MIRROR = "https://mirror.example.net/models"


def test_a_model_has_a_file_an_address_and_a_checksum_that_get_url_takes():
    model = whisper_model("tiny.en")
    assert model["file"] == "ggml-tiny.en.bin"
    revision = "5359861c739e955e79d9a303bcbc70fb988958b1"
    assert model["url"] == f"https://huggingface.co/ggerganov/whisper.cpp/resolve/{revision}/ggml-tiny.en.bin"
    assert model["checksum"] == "sha256:921e4cf8686fdd993dcd081a5da5b6c365bfde1162e72b08d75ac75289920b1f"
    assert model["sha1"] == "c78c86eb1a8faa21b369bcd33207cc90d64ae9df"  # upstream's models/README.md
    assert (model["bytes"], model["size_mib"]) == (77704715, 75)


def test_a_mirror_has_it_under_its_file_name():
    assert whisper_model("base", MIRROR)["url"] == f"{MIRROR}/ggml-base.bin"
    assert whisper_model("silero-v6.2.0", f"{MIRROR}/")["url"] == f"{MIRROR}/ggml-silero-v6.2.0.bin"


def test_models_of_other_repositories_are_found_there():
    assert "/akashmjn/tinydiarize-whisper.cpp/resolve/" in whisper_model("small.en-tdrz")["url"]
    vad = whisper_model("silero-v5.1.2")
    assert "/ggml-org/whisper-vad/resolve/" in vad["url"]
    assert vad["sha1"] is None


@pytest.mark.parametrize("name", ["base.enn", "", None, ["base"], {"a": 1}])
def test_an_unknown_name_is_refused_with_the_known_ones(name):
    with pytest.raises(AnsibleFilterError, match=r"model_unknown: .*base\.en.*silero-v6\.2\.0"):
        whisper_model(name)


@pytest.mark.parametrize("hub", ["", None, 7])
def test_a_hub_that_is_no_url_is_refused(hub):
    with pytest.raises(AnsibleFilterError, match="hub: got"):
        whisper_model("base", hub)
