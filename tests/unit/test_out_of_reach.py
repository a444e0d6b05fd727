"""Scenario `defaults` sets no variable of the product but those that tests/lab/out_of_reach.yml gives a reason for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
INVENTORY = ROOT / "molecule" / "defaults" / "inventory"
LISTED = yaml.safe_load((ROOT / "tests/lab/out_of_reach.yml").read_text(encoding="utf-8"))["out_of_reach"]
# What a person chooses for a host, as inventories/example shows: no way around a default.
CHOICES = {"docker_engine_source", "gpu_metrics_enabled", "whisper_policy", "whisper_proof_timer", "whisper_proxy"}
OURS = re.compile(r"(docker_engine|fleet_report|gpu_metrics|nvidia_container_toolkit|whisper)_\w+")


def variables_of(value):
    """Every name that a file of an inventory gives a value, those of groups and hosts within it too."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from variables_of(item)


def set_in_inventory():
    names = {
        name
        for path in INVENTORY.rglob("*.yml")
        if path.name != "lab.yml" or not path.is_symlink()
        for name in variables_of(yaml.safe_load(path.read_text(encoding="utf-8")))
    }
    return {name for name in names if OURS.fullmatch(name)}


def specified():
    options = {}
    for path in ROOT.glob("roles/*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            options.update(entry.get("options", {}))
    return options


def test_nothing_is_set_without_a_reason():
    assert set_in_inventory() - CHOICES == {entry["variable"] for entry in LISTED}


@pytest.mark.parametrize("entry", LISTED, ids=[entry["variable"] for entry in LISTED])
def test_each_entry_is_a_variable_with_a_value_and_a_reason(entry):
    assert sorted(entry) == ["reason", "value", "variable"]
    assert entry["variable"] in specified()
    assert entry["value"]
    assert len(entry["reason"].split()) > 5
