from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.whisperops.gpu.plugins.filter.whisper_model import whisper_model


def test_a_model_has_a_file_and_a_checksum_that_get_url_takes():
    model = whisper_model("tiny.en")
    assert model["file"] == "ggml-tiny.en.bin"
    assert model["checksum"] == "sha1:c78c86eb1a8faa21b369bcd33207cc90d64ae9df"  # upstream's models/README.md
    assert model["size_mib"] == 75


@pytest.mark.parametrize("name", ["base.enn", "", None, ["base"], {"a": 1}])
def test_an_unknown_name_is_refused_with_the_known_ones(name):
    with pytest.raises(AnsibleFilterError, match=r"model_unknown: .*base\.en"):
        whisper_model(name)
