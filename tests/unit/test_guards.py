"""Each guard of tests/guards/guards.yml is still where the file says, and so is the test that must fail without it."""

from __future__ import annotations

import importlib.util
import shutil
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GUARDS = ROOT / "tests" / "guards"

spec = importlib.util.spec_from_file_location("guards_run", GUARDS / "run.py")
run = importlib.util.module_from_spec(spec)
spec.loader.exec_module(run)

GROUPS = yaml.safe_load((GUARDS / "guards.yml").read_text(encoding="utf-8"))
PAIRS = [(group, guard) for group in GROUPS for guard in group["guards"]]
EACH = pytest.mark.parametrize(
    ("group", "guard"), PAIRS, ids=[f"{group['scenario']}: {run.named(guard)}" for group, guard in PAIRS]
)


@cache
def verify(scenario):
    return yaml.safe_load((ROOT / "molecule" / scenario / "verify.yml").read_text(encoding="utf-8"))


def plays(group):
    return deepcopy(verify(group["scenario"]))


@EACH
def test_a_guard_can_be_taken_away(group, guard, tmp_path):
    copy = tmp_path / guard["file"]
    copy.parent.mkdir(parents=True)
    shutil.copy(ROOT / guard["file"], copy)
    before = copy.read_text(encoding="utf-8")
    run.take_away(tmp_path, guard)
    assert copy.read_text(encoding="utf-8") != before


@EACH
def test_the_scenario_has_the_test_of_a_guard(group, guard):
    assert run.reduced(group, plays(group), guard)["tasks"]


@pytest.mark.parametrize("group", [group for group in GROUPS if "before" in group], ids=lambda group: group["before"])
def test_the_scenario_has_the_play_that_comes_before(group):
    assert group["before"] in [play.get("name") for play in plays(group)]


def test_a_guard_whose_task_is_called_otherwise_is_found_out(tmp_path):
    guard = next(guard for _group, guard in PAIRS if "task" in guard)
    copy = tmp_path / guard["file"]
    copy.parent.mkdir(parents=True)
    shutil.copy(ROOT / guard["file"], copy)
    with pytest.raises(SystemExit, match="in 0 lists of tasks"):
        run.take_away(tmp_path, guard | {"task": "No such task"})
