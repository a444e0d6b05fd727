"""A proof that the observation of the host has made is not made again, if it is good and of the same servers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.whisperops.gpu.plugins.action.host_plan import proof_settings
from ansible_collections.whisperops.gpu.plugins.action.server_proof import ActionModule
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import inputs

ROOT = Path(__file__).parents[4]
URL = "http://127.0.0.1:8080/v1/audio/transcriptions"
GOOD = {"url": URL, "text": "deploy", "expected_similarity": 1.0, "seconds": 0.5, "audio_seconds": 2.0}
WRONG = {**GOOD, "text": "the boy", "expected_similarity": 0.1}


@pytest.fixture
def prove(monkeypatch):
    """Its result, the lines that it shows, and how often it asks the host, whose servers are all good."""

    def run(known):
        asked, lines = [], []
        action = ActionModule.__new__(ActionModule)
        given = {"servers": [{"url": URL}], "known": known, "expected_text": "deploy", "similarity": 0.8}
        action._task = SimpleNamespace(args=given)
        action._display = SimpleNamespace(display=lines.append)
        monkeypatch.setattr("ansible.plugins.action.ActionBase.run", lambda *_arguments: {})
        monkeypatch.setattr(
            ActionModule, "_execute_module", lambda *_self, **_options: asked.append(1) or {"servers": [GOOD]}
        )
        return action.run(task_vars={"inventory_hostname": "gpu"}), lines, len(asked)

    return run


def test_a_good_proof_of_the_same_servers_stands(prove):
    result, (line,), asked = prove([GOOD])
    assert (asked, result.get("failed"), result["servers"][0]["text"]) == (0, None, "deploy")
    assert line.startswith(f"  gpu  CPU ONLY, {URL}: ")


@pytest.mark.parametrize(
    "known",
    [
        [],
        [WRONG],
        [{**GOOD, "url": URL.replace("8080", "8081")}],
        [{**GOOD, "gpu": "GPU-1", "gpu_used": True}],
        [GOOD, GOOD],
        [{**GOOD, "url": None}],
        [{}],
        ["x"],
    ],
    ids=["none", "wrong", "another server", "another GPU", "more servers", "no server", "empty", "no proof"],
)
def test_any_other_is_made_again(prove, known):
    result, _lines, asked = prove(known)
    assert (asked, result.get("failed")) == (1, None)


@pytest.mark.parametrize("language", ["", "de"])
@pytest.mark.parametrize("audio", ["jfk.wav", "/root/rede.wav"])
def test_the_settings_are_those_of_the_role(audio, language):
    options = {name: inputs.default(name) for name in inputs.names()}
    options.update(whisper_proof_audio=audio, whisper_proof_language=language)
    role = yaml.safe_load((ROOT / "roles/whisper_proof/vars/main.yml").read_text(encoding="utf-8"))
    variables = Templar(DataLoader(), options)
    speech, spoken = (
        variables.template(trust_as_template(role[name]))
        for name in ("_whisper_proof_speech", "_whisper_proof_language")
    )
    found = proof_settings(options)
    assert (found["audio"], found["language"] or "") == (speech, spoken)


def test_a_host_is_observed_with_the_speech_that_its_role_would_take():
    options = {name: inputs.default(name) for name in inputs.names()}
    found = proof_settings(options)
    assert (found["audio"], found["language"]) == ("/var/lib/whisper/speech/jfk.wav", "en")
    assert found["timeout_seconds"] == 60
    assert found["expected_text"].startswith("And so my fellow Americans")
    other = proof_settings({**options, "whisper_proof_audio": "/root/rede.wav", "whisper_proof_timeout_seconds": 20})
    assert (other["audio"], other["language"], other["timeout_seconds"]) == (
        "/var/lib/whisper/speech/rede.wav",
        None,
        20,
    )
