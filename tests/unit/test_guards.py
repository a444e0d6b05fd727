"""Each guard of tests/guards is still where its file says, and so are the tests that must fail without it."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "guards"))
import run  # of tests/guards
import unit  # of tests/guards

ROOT = Path(__file__).parents[2]
GROUPS = yaml.safe_load((run.HERE / "guards.yml").read_text(encoding="utf-8"))
PAIRS = [(group, guard) for group in GROUPS for guard in group["guards"]]
EACH = pytest.mark.parametrize(
    ("group", "guard"), PAIRS, ids=[f"{group['scenario']}: {run.named(guard)}" for group, guard in PAIRS]
)


def name(guard):
    return unit.named(guard) if "fault" in guard else run.named(guard)


@cache
def verify(scenario):
    return yaml.safe_load((ROOT / "molecule" / scenario / "verify.yml").read_text(encoding="utf-8"))


def plays(group):
    return deepcopy(verify(group["scenario"]))


UNIT = unit.guards()
EACH_OF_UNIT = pytest.mark.parametrize("guard", UNIT, ids=map(unit.named, UNIT))


@pytest.mark.parametrize("guard", [*(guard for _group, guard in PAIRS), *UNIT], ids=name)
def test_a_guard_can_be_taken_away(guard, tmp_path):
    copy = tmp_path / guard["file"]
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / guard["file"], copy)
    before = copy.read_text(encoding="utf-8")
    run.take_away(tmp_path, guard)
    assert copy.read_text(encoding="utf-8") != before
    assert unit.broken(copy) is None


@cache
def names_in(path):
    return {node.name for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body if hasattr(node, "name")}


@EACH_OF_UNIT
def test_the_unit_tests_of_a_guard_are_there(guard):
    assert guard["tests"]
    for path, _colons, test in (test.partition("::") for test in unit.tests_of(guard)):
        assert test.startswith("test_")
        assert test in names_in(path)


def test_no_two_unit_guards_are_called_alike():
    assert len({unit.named(guard) for guard in UNIT}) == len(UNIT)


@pytest.mark.parametrize(
    ("rc", "said", "failed"),
    [
        (1, "FAILED tests/unit/test_a.py::test_x - assert 1 == 2\n1 failed in 0.1s\n", True),
        (None, "", True),
        (0, "1 passed in 0.1s\n", False),
        # A fixture that breaks, an import that breaks, tests that are not there.
        (1, "ERROR tests/unit/test_a.py::test_x - ImportError\n1 error in 0.1s\n", False),
        (2, "ERROR tests/unit/test_a.py - SyntaxError\n", False),
        (4, "ERROR: not found: tests/unit/test_a.py::test_y\n", False),
        (5, "no tests ran in 0.1s\n", False),
    ],
)
def test_only_a_test_that_fails_tells(rc, said, failed):
    assert unit.told(unit.Ended(rc, said))[0] is failed


def test_a_guard_that_no_test_holds_is_found_and_the_copy_is_as_before(tmp_path):
    (tmp_path / unit.UNIT).mkdir(parents=True)
    (tmp_path / "code_of_it.py").write_text("def limit(value):\n    return min(value, 5)\n", encoding="utf-8")
    test = "import code_of_it\n\ndef test_{name}():\n    assert code_of_it.limit({value}) == {value}\n"
    for name, value in (("low", 1), ("high", 5)):
        content = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n" + test.format(name=name, value=value)
        (tmp_path / unit.UNIT / f"test_{name}.py").write_text(content, encoding="utf-8")
    before = (tmp_path / "code_of_it.py").read_bytes()
    guard = {"file": "code_of_it.py", "text": "min(value, 5)", "instead": "min(value, 4)"}
    assert unit.without(tmp_path, {**guard, "tests": ["test_low.py::test_low"]}) == (False, "PASSES")
    failed, said = unit.without(tmp_path, {**guard, "tests": ["test_high.py::test_high"]})
    assert failed, said
    assert said.startswith("fails: test_high.py::test_high")
    no_program = {**guard, "instead": "min(value", "tests": ["test_high.py::test_high"]}
    assert "cannot be read without the guard" in unit.without(tmp_path, no_program)[1]
    assert (tmp_path / "code_of_it.py").read_bytes() == before


@EACH
def test_the_scenario_has_the_test_of_a_guard(group, guard):
    assert run.reduced(group, plays(group), guard)["tasks"]


@pytest.mark.parametrize("group", [group for group in GROUPS if "before" in group], ids=lambda group: group["before"])
def test_the_scenario_has_the_play_that_comes_before(group):
    assert group["before"] in [play.get("name") for play in plays(group)]


@pytest.mark.parametrize("group", [group for group in GROUPS if "converge" in group], ids=lambda group: group["play"])
def test_a_guard_is_taken_away_on_hosts_of_the_scenario(group):
    limit = yaml.safe_load((ROOT / "molecule" / group["scenario"] / "molecule.yml").read_text(encoding="utf-8"))
    assert f"--limit={group['converge']}" in limit["ansible"]["executor"]["args"]["ansible_playbook"]


def played(monkeypatch, *statuses):
    """The playbooks that would run, each with its options; of each the status that is told."""
    seen, left = [], list(statuses)

    def play(tree, *arguments):
        seen.append([argument.replace(f"{tree}/", "") for argument in arguments])
        return subprocess.CompletedProcess([], left.pop(0), "", "")

    monkeypatch.setattr(run, "play", play)
    monkeypatch.setattr(run, "copy_checkout", lambda tree: (tree / "molecule" / "gateway").mkdir(parents=True))
    monkeypatch.setattr(run, "take_away", lambda _tree, _guard: None)
    return seen


@pytest.mark.parametrize(
    ("statuses", "failed", "said"),
    [((0, 0, 2), True, "fails"), ((0, 0, 0), False, "PASSES"), ((2,), False, "FAILS WITH IT"),
     ((0, 2), False, "IS NOT DEPLOYED WITHOUT IT")],
)  # fmt: skip
def test_what_is_deployed_is_deployed_without_its_guard(monkeypatch, capsys, statuses, failed, said):
    seen = played(monkeypatch, *statuses)
    guard = {"tasks": ["Verify it"], "text": "x"}
    assert run.needs({"name": "A play"}, guard, "gateway", "lab_gateway") is failed
    assert f"{said}: " in capsys.readouterr().out
    one, deployed = ["molecule/gateway/one.yml"], ["molecule/gateway/converge.yml", "--limit=lab_gateway"]
    assert seen == [one, deployed, one][: len(statuses)]


def test_a_guard_whose_task_is_called_otherwise_is_found_out(tmp_path):
    guard = next(guard for _group, guard in PAIRS if "task" in guard)
    copy = tmp_path / guard["file"]
    copy.parent.mkdir(parents=True)
    shutil.copy(ROOT / guard["file"], copy)
    with pytest.raises(SystemExit, match="in 0 lists of tasks"):
        run.take_away(tmp_path, guard | {"task": "No such task"})
