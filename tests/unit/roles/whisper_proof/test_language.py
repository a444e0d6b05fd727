"""The language that the proof asks for is that of the audio, where it is known."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

ROLE = Path(__file__).parents[4] / "roles" / "whisper_proof"


@pytest.mark.parametrize(
    ("given", "language"),
    [
        ({}, "en"),
        ({"whisper_proof_audio": "/srv/hallo.wav"}, ""),
        ({"whisper_proof_audio": "/srv/hallo.wav", "whisper_proof_language": "de"}, "de"),
    ],
)
def test_audio_of_ones_own_is_in_the_language_of_its_server_unless_one_is_named(given, language):
    loader, variables = DataLoader(), {}
    for part in ("defaults", "vars"):
        variables.update(loader.load_from_file(str(ROLE / part / "main.yml"), trusted_as_template=True))
    assert (
        Templar(loader=loader, variables={**variables, **given}).template(variables["_whisper_proof_language"])
        == language
    )
