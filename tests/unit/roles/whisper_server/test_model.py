"""A model is known by its SHA-256, whoever serves it, and by nothing weaker."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.models import MODELS

ROLE = Path(__file__).parents[4] / "roles" / "whisper_server"
SHA256 = "sha256:" + 64 * "a"
PLAN = {"model": "base.en", "runtime": "cpu", "servers": [{"gpu": None, "port": 8080}]}


def task(name):
    tasks = DataLoader().load_from_file(str(ROLE / "tasks" / "preflight.yml"), trusted_as_template=True)
    return next(task for task in tasks if task["name"] == name)


def variables(**given):
    loader = DataLoader()
    found = loader.load_from_file(str(ROLE / "vars" / "main.yml"), trusted_as_template=True)
    found.update(loader.load_from_file(str(ROLE / "defaults" / "main.yml"), trusted_as_template=True))
    return Templar(loader=loader, variables={**found, "whisper_server_plan": PLAN, **given})


def checked(templar):
    """What the role's own check says; empty where it is content."""
    condition = task("Assert that the models have a source and a checksum")["ansible.builtin.assert"]["that"]
    try:
        assert templar.template(trust_as_template(f"{{{{ {condition} }}}}")) is True
    except AnsibleError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("checksum", "refused"),
    [(SHA256, False), ("", True), ("sha1:" + 40 * "a", True), ("md5:" + 32 * "a", True), (64 * "a", True)],
)
def test_a_model_of_ones_own_needs_a_sha_256(checksum, refused):
    url = "https://user:secret@example.net/ggml-mine.bin?sig=secret"
    said = checked(variables(whisper_server_model_url=url, whisper_server_model_checksum=checksum))
    assert ("model_without_checksum: whisper_server_model_url is https://********@example.net" in said) is refused
    assert "secret" not in said


def test_the_file_of_a_model_is_named_without_the_signature_which_no_message_shows():
    url = "https://user:secret@example.net/my%20model.bin?sig=secret"
    templar = variables(whisper_server_model_url=url, whisper_server_model_checksum=SHA256)
    assert templar.template(templar.available_variables["_whisper_server_model_file"]) == "my model.bin"
    (model,) = templar.template(templar.available_variables["_whisper_server_models"])
    assert (model["url"], model["checksum"]) == (url, SHA256)
    assert "secret" not in model["shown"]


def test_each_server_of_several_models_has_its_own_file_and_label():
    servers = [{"gpu": None, "port": 8080, "model": "base.en"}, {"gpu": None, "port": 8081, "model": "ggml-mine.bin"}]
    plan = {**PLAN, "servers": servers}
    listed = [{"name": "ggml-mine.bin", "url": "https://example.net/a.bin", "checksum": SHA256}]
    files = []
    for slot in plan["servers"]:
        given = {"whisper_server_plan": plan, "whisper_server_model_files": listed, "_whisper_server_slot": slot}
        templar = variables(**given)
        own = templar.available_variables
        files.append(
            (templar.template(own["_whisper_server_model_file"]), templar.template(own["_whisper_server_model_sum"]))
        )
        assert templar.template(own["_whisper_server_model_files"]) == ["ggml-base.en.bin", "ggml-mine.bin"]
        line = templar.template(own["_whisper_server_run"])["arguments"]
        assert line[line.index("--model") + 1] == f"/models/{files[-1][0]}"
    assert files == [("ggml-base.en.bin", f"sha256:{MODELS['base.en'].sha256}"), ("ggml-mine.bin", SHA256)]
