"""A model is known by its SHA-256, whoever serves it, and by nothing weaker."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLE = Path(__file__).parents[4] / "roles" / "whisper_server"
SHA256 = "sha256:" + 64 * "a"


def task(name):
    tasks = DataLoader().load_from_file(str(ROLE / "tasks" / "preflight.yml"), trusted_as_template=True)
    return next(task for task in tasks if task["name"] == name)


def variables(**given):
    loader = DataLoader()
    found = loader.load_from_file(str(ROLE / "vars" / "main.yml"), trusted_as_template=True)
    found.update(loader.load_from_file(str(ROLE / "defaults" / "main.yml"), trusted_as_template=True))
    return Templar(loader=loader, variables={**found, **given})


@pytest.mark.parametrize(
    ("checksum", "refused"),
    [(SHA256, False), ("", True), ("sha1:" + 40 * "a", True), ("md5:" + 32 * "a", True), (64 * "a", True)],
)
def test_a_model_of_ones_own_needs_a_sha_256(checksum, refused):
    templar = variables(
        whisper_server_model_url="https://example.net/ggml-mine.bin", whisper_server_model_checksum=checksum
    )
    conditions = task("Fail if the model has no checksum")["when"]
    met = [templar.template(trust_as_template(f"{{{{ {condition} }}}}")) for condition in conditions]
    assert all(met) is refused


def test_the_file_of_a_model_is_named_without_the_signature_which_no_message_shows():
    url = "https://user:secret@example.net/my%20model.bin?sig=secret"
    templar = variables(whisper_server_model_url=url, whisper_server_model_checksum="")
    assert templar.template(templar.available_variables["_whisper_server_model_file"]) == "my model.bin"
    assert templar.template(templar.available_variables["_whisper_server_model_source"]) == url
    assert "secret" not in templar.template(templar.available_variables["_whisper_server_model_source_shown"])
    said = templar.template(task("Fail if the model has no checksum")["ansible.builtin.fail"]["msg"])
    assert said.startswith("model_without_checksum: ")
    assert "secret" not in said
