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


def test_an_alias_of_a_model_that_the_host_does_not_have_is_refused():
    loader = DataLoader()
    tasks = loader.load_from_file(str(ROLE / "tasks" / "preflight.yml"), trusted_as_template=True)
    task = next(one for one in tasks if "api_alias_unknown" in str(one))

    def refused(plan, **aliases):
        given = {"whisper_api_alias_models": aliases, **({"whisper_plan": plan} if plan else {})}
        templar = Templar(loader=loader, variables={**task["vars"], **given, "inventory_hostname": "gpu-1"})
        for condition in task["when"]:
            if not templar.template(trust_as_template(f"{{{{ {condition} }}}}")):
                return ""
        return templar.template(task["ansible.builtin.fail"]["msg"])

    one = {"model": "base.en", "servers": [{"port": 8080}]}
    two = {"model": "base.en", "servers": [{"port": 8080, "model": "base.en"}, {"port": 8081, "model": "tiny"}]}
    assert refused(two, fast="tiny") == refused(one, fast="base.en") == refused(None, fast="large-v3") == ""
    said = refused(two, fast="tiny", best="large-v3")
    assert said.startswith("api_alias_unknown: whisper_api_alias_models names large-v3, and the servers of gpu-1")
