"""The role copies every program of the service, and gives it every setting."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import languages as planned

sys.path.insert(0, str(Path(__file__).parents[4] / "roles" / "whisper_api" / "files"))
from whisper_api import languages
from whisper_api.settings import Settings

ROLE = Path(__file__).parents[4] / "roles" / "whisper_api"
VARIABLES = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))


def test_every_program_is_copied():
    there = {
        str(path.relative_to(ROLE / "files"))
        for path in (ROLE / "files").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert set(VARIABLES["_whisper_api_programs"]) == there


def test_every_setting_is_written():
    written = {*VARIABLES["_whisper_api_settings"], "identity"}
    required = set(Settings._fields) - set(Settings._field_defaults)
    assert (required - written, written - set(Settings._fields)) == (set(), set())


def test_the_service_knows_the_languages_that_the_plan_knows():
    assert planned.CODES == languages.NAMES


@pytest.mark.parametrize(
    ("seconds", "refused"), [(0, False), (1, True), (29, True), (-1, True), (30, False), (600, False)]
)
def test_parts_that_are_shorter_than_the_models_window_are_refused(seconds, refused):
    tasks = yaml.safe_load((ROLE / "tasks" / "preflight.yml").read_text(encoding="utf-8"))
    (task,) = [task for task in tasks if "api_split_too_short" in str(task)]
    templar = Templar(DataLoader(), {"whisper_api_split_seconds": seconds})
    assert templar.evaluate_conditional(trust_as_template(task["when"])) is refused
    message = templar.template(trust_as_template(task["ansible.builtin.fail"]["msg"]))
    assert message.startswith(f"api_split_too_short: whisper_api_split_seconds is {seconds}, ")
