"""The parts of READMEs that a program makes are what it makes today: `make readmes` writes them anew."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "tests" / "docs"
ROLES = sorted(path.parents[1] for path in ROOT.glob("roles/*/meta/argument_specs.yml"))
EXAMPLES = sorted(DOCS.glob("role_examples/*.yml"))


def program(name):
    specification = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


role_readmes = program("role_readmes")
plan_example = program("plan_example")


# --- README.md ------------------------------------------------------------------------------------------------------


def test_the_plan_in_the_readme_is_what_the_code_prints():
    (block,) = plan_example.BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert block[1] == plan_example.plan_output()


def test_the_plan_shows_both_gpus_and_a_reason_for_each_host():
    lines = plan_example.plan_output().splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["HOST", "speech-1", "speech-2"]
    assert ["GTX 1080" in lines[1], "H100" in lines[2]] == [True, True]
    assert {line.split(": ")[0] for line in lines[3:] if line.startswith("speech-")} == {"speech-1", "speech-2"}


def test_the_readme_links_to_each_role():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [role.name for role in ROLES if f"(roles/{role.name}/README.md)" not in text] == []


# --- READMEs of the roles -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_the_readme_of_a_role_is_what_its_specification_makes(role):
    assert (role / "README.md").read_text(encoding="utf-8") == role_readmes.readme(role)


SPECIFICATION = """
argument_specs:
  main:
    short_description: Soup
    description:
      - Cooks O(cook_dish=stew) with P(whisperops.gpu.kitchen#role).
      - See P(whisperops.gpu.taste#filter) and C(a\\)b *c*).
      - Two * and <three>.
    options:
      cook_heat: {type: int, default: 3, description: How hot.}
      cook_dish: {type: str, choices: [soup, stew], default: soup, description: [What., V(stew) takes longer.]}
      cook_guests:
        type: list
        elements: dict
        required: true
        description: Who eats.
        options:
          name: {type: str, required: true, description: The name.}
  clean:
    short_description: Clean the kitchen
"""


@pytest.fixture
def cook(tmp_path):
    (tmp_path / "cook" / "meta").mkdir(parents=True)
    (tmp_path / "cook" / "meta" / "argument_specs.yml").write_text(SPECIFICATION, encoding="utf-8")
    return tmp_path / "cook"


def test_markup_becomes_code_and_links(cook, tmp_path):
    text = role_readmes.readme(cook, tmp_path).replace("\n", " ")
    assert "Cooks `cook_dish=stew` with [`whisperops.gpu.kitchen`](../kitchen/README.md)." in text
    assert "See `whisperops.gpu.taste` and `a)b *c*`." in text
    assert r"Two \* and \<three>." in text


def test_variables_have_type_choices_and_default_and_required_ones_come_first(cook, tmp_path):
    items = [line for line in role_readmes.readme(cook, tmp_path).splitlines() if line.lstrip().startswith("- **")]
    assert items == [
        "- **`cook_guests`** (list of dict, required): Who eats.",
        "  - **`name`** (str, required): The name.",
        "- **`cook_heat`** (int, default `3`): How hot.",
        "- **`cook_dish`** (str, one of `soup`, `stew`, default `soup`): What. `stew` takes longer.",
    ]


def test_each_further_entry_point_says_how_to_include_it(cook, tmp_path):
    after = role_readmes.readme(cook, tmp_path).split("## Entry point clean\n")[1]
    assert "`tasks_from: clean`" in after
    assert after.endswith("None.\n")


def test_no_line_is_too_long_and_no_code_span_is_broken(cook, tmp_path):
    wrapped = role_readmes.wrapped(role_readmes.markdown("word " * 15 + "C(" + "a b " * 12 + "c) " + "word " * 30))
    assert max(map(len, wrapped.splitlines())) <= role_readmes.WIDTH
    assert all(line.count("`") in (0, 2) for line in wrapped.splitlines())


def test_a_role_without_an_example_gets_a_play_with_its_required_variables(cook, tmp_path):
    text = role_readmes.generic_example("cook", yaml.safe_load(SPECIFICATION)["argument_specs"])
    (play,) = yaml.safe_load(text)
    assert play["roles"] == [{"role": "whisperops.gpu.cook", "vars": {"cook_guests": None}}]
    assert text.removeprefix("---\n") in role_readmes.readme(cook, tmp_path)


# --- example playbooks ----------------------------------------------------------------------------------------------


def uses(value):
    """(role, entry point, variables) of each use of a role of this collection."""
    if isinstance(value, list):
        for item in value:
            yield from uses(item)
    elif isinstance(value, dict):
        included = value.get("ansible.builtin.include_role")
        if included:
            yield included["name"].split(".")[-1], included.get("tasks_from", "main"), value.get("vars", {})
        if isinstance(value.get("role"), str):
            yield value["role"].split(".")[-1], "main", value.get("vars", {})
        for part in ("tasks", "roles"):
            yield from uses(value.get(part, []))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_uses_its_role_with_variables_that_the_role_has(example):
    found = list(uses(yaml.safe_load(example.read_text(encoding="utf-8"))))
    assert example.stem in {role for role, _entry, _given in found}
    for role, entry, given in found:
        text = (ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
        options = yaml.safe_load(text)["argument_specs"][entry].get("options", {})
        required = {name for name, option in options.items() if option.get("required")}
        assert (set(given) - set(options), required - set(given)) == (set(), set())


def test_ansible_reads_each_example():
    assert len(EXAMPLES) > 0
    command = [sys.executable, "-m", "ansible", "playbook", "--syntax-check", "-i", "localhost,", *map(str, EXAMPLES)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, "ERROR" in done.stderr) == (0, False), done.stderr


# --- tests/README.md ------------------------------------------------------------------------------------------------


def rows(section):
    """The first column of a section's table in tests/README.md."""
    text = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `([a-z0-9_]+)` \|", text.split(f"\n## {section}\n")[1].split("\n## ")[0], re.MULTILINE)


def test_each_directory_of_tests_says_what_it_promises():
    listed = subprocess.run(["git", "ls-files", "tests/*/*"], capture_output=True, text=True, cwd=ROOT, check=False)
    # Where there is no git, as in the copy that ansible-test makes, what is there counts.
    tracked = listed.stdout.split() or [str(path.relative_to(ROOT)) for path in ROOT.glob("tests/*/*")]
    assert sorted(rows("Directories")) == sorted({path.split("/")[1] for path in tracked} - {"output"})


def test_each_scenario_says_what_it_promises():
    assert sorted(rows("Scenarios")) == sorted(path.parent.name for path in ROOT.glob("molecule/*/molecule.yml"))
