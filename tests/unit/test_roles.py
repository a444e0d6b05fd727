"""Every role's defaults are what its argument specification says: the same names, types and values."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.whisperops.gpu.plugins.module_utils._gpu import problems

ROLES = Path(__file__).parents[2] / "roles"
# How YAML reads a value of each type of option. A float may be written without a point.
TYPES = {
    "bool": (bool,),
    "dict": (dict,),
    "float": (float, int),
    "int": (int,),
    "list": (list,),
    "path": (str,),
    "str": (str,),
}


def read(path):
    return (yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None) or {}


def same(one, other):
    """Equal, and of one type: 1, 1.0 and true are three things."""
    return type(one) is type(other) and one == other


def disagreement(name, option, defaults):
    """What is wrong first with one option, or None."""
    kinds = TYPES.get(option.get("type"), ())
    specified, set_here = "default" in option, name in defaults
    default, own = option.get("default"), defaults.get(name)
    choices = option.get("choices", [default])
    faults = [
        (not kinds, f"its type is {option.get('type')!r}"),
        (set_here and not specified, "defaults has it, the specification has no default"),
        (specified and option.get("required"), "required, and yet with a default"),
        (specified and not set_here, "the specification has a default, defaults lacks it"),
        (not same(own, default), f"{own!r} in defaults, {default!r} in the specification"),
        (specified and not isinstance(default, kinds), f"{default!r} is no {option.get('type')}"),
        # To Python a truth value is a whole number too.
        (isinstance(default, bool) and bool not in kinds, f"{default!r} is no {option.get('type')}"),
        (not any(same(default, choice) for choice in choices), f"{default!r} is none of its choices"),
    ]
    if not specified and not set_here:
        faults = faults[:1]
    return next((f"{name}: {fault}" for wrong, fault in faults if wrong), None)


def disagreements(role):
    """Sentences, one for each way in which a role's defaults and specification differ."""
    specification = read(role / "meta" / "argument_specs.yml").get("argument_specs")
    if not specification:
        return ["no argument specification"]
    defaults = read(role / "defaults" / "main.yml")
    options = {name: option for entry in specification.values() for name, option in entry.get("options", {}).items()}
    found = [f"{name}: defaults has it, the specification lacks it" for name in defaults if name not in options]
    found += [
        f"{name}: not named after its role" for name in {*options, *defaults} if not name.startswith(f"{role.name}_")
    ]
    return sorted(found + [fault for name in options if (fault := disagreement(name, options[name], defaults))])


@pytest.mark.parametrize("role", sorted(ROLES.iterdir()), ids=lambda role: role.name)
def test_defaults_and_specification_agree(role):
    assert disagreements(role) == []


SPECIFICATION = """
argument_specs:
  main:
    options:
      cook_plan: {type: dict, required: true}
      cook_note: {type: str}
      cook_heat: {type: int, default: 3}
      cook_dish: {type: str, default: soup, choices: [soup, stew]}
"""
DEFAULTS = "cook_heat: 3\ncook_dish: soup\n"


@pytest.fixture
def cook(tmp_path):
    """A role of two files; each test spoils one line of one of them."""
    role = tmp_path / "cook"
    (role / "meta").mkdir(parents=True)
    (role / "defaults").mkdir()

    def write(specification=SPECIFICATION, defaults=DEFAULTS):
        (role / "meta" / "argument_specs.yml").write_text(specification, encoding="utf-8")
        (role / "defaults" / "main.yml").write_text(defaults, encoding="utf-8")
        return disagreements(role)

    return write


def test_a_role_that_agrees(cook):
    assert cook() == []


def test_a_role_without_defaults_that_needs_none(cook):
    assert cook("argument_specs: {main: {options: {cook_plan: {type: dict, required: true}}}}", "---\n") == []


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("{type: int, default: 3}", "{type: int, default: 4}", "cook_heat: 3 in defaults, 4 in the specification"),
        ("{type: int, default: 3}", "{type: int}", "cook_heat: defaults has it, the specification has no default"),
        ("{type: int, default: 3}", "{type: bool, default: 3}", "cook_heat: 3 is no bool"),
        ("{type: int, default: 3}", "{default: 3}", "cook_heat: its type is None"),
        ("{type: int, default: 3}", "{type: number, default: 3}", "cook_heat: its type is 'number'"),
        ("[soup, stew]", "[stew]", "cook_dish: 'soup' is none of its choices"),
        ("required: true", "required: true, default: {}", "cook_plan: required, and yet with a default"),
        ("{type: str}", "{type: str, default: x}", "cook_note: the specification has a default, defaults lacks it"),
        ("      cook_heat: {type: int, default: 3}\n", "", "cook_heat: defaults has it, the specification lacks it"),
        ("cook_note", "kitchen_note", "kitchen_note: not named after its role"),
        ("argument_specs:", "something_else:", "no argument specification"),
    ],
)
def test_a_specification_that_differs_is_named(cook, right, wrong, fault):
    assert right in SPECIFICATION
    assert cook(specification=SPECIFICATION.replace(right, wrong)) == [fault]


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("cook_heat: 3", "cook_heat: 4", "cook_heat: 4 in defaults, 3 in the specification"),
        ("cook_heat: 3", 'cook_heat: "3"', "cook_heat: '3' in defaults, 3 in the specification"),
        ("cook_heat: 3", "cook_heat: 3.0", "cook_heat: 3.0 in defaults, 3 in the specification"),
        ("cook_heat: 3\n", "", "cook_heat: the specification has a default, defaults lacks it"),
        ("cook_heat: 3", "cook_heat: 3\ncook_salt: 1", "cook_salt: defaults has it, the specification lacks it"),
        ("cook_heat: 3", "cook_heat: 3\ncook_plan: {}", "cook_plan: defaults has it, the specification has no default"),
    ],
)
def test_defaults_that_differ_are_named(cook, right, wrong, fault):
    assert right in DEFAULTS
    assert cook(defaults=DEFAULTS.replace(right, wrong)) == [fault]


def test_one_and_true_are_not_the_same(cook):
    spoiled = SPECIFICATION.replace("{type: int, default: 3}", "{type: int, default: true}")
    assert cook(spoiled, DEFAULTS.replace("cook_heat: 3", "cook_heat: 1")) != []
    assert cook(spoiled, DEFAULTS.replace("cook_heat: 3", "cook_heat: true")) == ["cook_heat: True is no int"]


def test_the_toolkits_floor_is_the_one_that_hosts_are_judged_by():
    role = ROLES / "nvidia_container_toolkit"
    floor = read(role / "vars" / "main.yml")["_nvidia_container_toolkit_floor"]
    version = read(role / "defaults" / "main.yml")["nvidia_container_toolkit_version"]
    assert floor == problems.TOOLKIT_SECURITY_FLOOR
    assert [int(part) for part in version.split(".")] >= [int(part) for part in floor.split(".")]
