"""The documentation names what the code takes and gives."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan import images
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.plan import deployment_plan
from ansible_collections.whisperops.gpu.plugins.plugin_utils._plan.policy import DEFAULTS

FILTERS = Path(__file__).parents[4] / "plugins" / "filter"
DOCUMENTED = yaml.safe_load((FILTERS / "deployment_plan.yml").read_text(encoding="utf-8"))
OPTIONS = DOCUMENTED["DOCUMENTATION"]["options"]


def test_policy_keys_and_defaults_are_those_of_the_code() -> None:
    documented = {key: option.get("default") for key, option in OPTIONS["policy"]["suboptions"].items()}
    assert documented == DEFAULTS


def test_catalogue_keys_are_those_of_the_code() -> None:
    assert set(OPTIONS["catalogue"]["suboptions"]) == set(images.KEYS)


def test_every_key_of_a_plan_is_documented_in_its_order() -> None:
    assert list(DOCUMENTED["RETURN"]["_value"]["contains"]) == list(deployment_plan({"cores": 2}))
