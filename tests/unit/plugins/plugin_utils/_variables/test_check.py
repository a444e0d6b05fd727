"""Names that nothing reads are refused with the nearest one that is read, and values that are not valid with why."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleUndefinedVariable
from ansible_collections.whisperops.gpu.plugins.plugin_utils._variables.check import candidates, faults, is_default
from ansible_collections.whisperops.gpu.plugins.plugin_utils._variables.specification import Specification

KNOWN = Specification(
    options={
        "cook_heat": {"type": "int", "default": 3},
        "cook_dish": {"type": "str", "choices": ["soup", "stew"]},
        "cook_plan": {"type": "dict", "required": True},
        "cook_order": {
            "type": "dict",
            "options": {
                "salt": {"type": "int"},
                "guests": {"type": "list", "elements": "dict", "options": {"name": {"type": "str", "required": True}}},
            },
        },
        "cook_keys": {
            "type": "list",
            "elements": "dict",
            "options": {"name": {"type": "str"}, "door": {"type": "int", "no_log": True}},
        },
        "cook_secret": {"type": "int", "no_log": True},
    },
    prefixes=("cook_",),
    facts=frozenset({"cook_result"}),
)


def said(variables):
    return [str(fault) for fault in faults(candidates(variables, KNOWN), variables.__getitem__, KNOWN)]


def test_only_names_with_a_prefix_are_looked_at():
    names = ["cook_heat", "cook", "kitchen_heat", "_cook_heat", "inventory_hostname", 3]
    assert candidates(names, KNOWN) == ["cook_heat"]


def test_facts_of_the_collection_and_ignored_names_are_left_out():
    assert candidates(["cook_result", "cook_mine", "cook_heat"], KNOWN, ["cook_mine"]) == ["cook_heat"]


@pytest.mark.parametrize(
    ("name", "raw", "default"),
    [("cook_heat", 3, True), ("cook_heat", 4, False), ("cook_dish", None, False), ("cook_haet", 3, False)],
)
def test_only_a_value_equal_to_a_default_is_one(name, raw, default):
    assert is_default(name, raw, KNOWN) is default


def test_variables_that_are_known_and_valid_have_no_fault():
    valid = {"cook_heat": 3, "cook_dish": "soup", "cook_order": {"salt": 1, "guests": [{"name": "a"}]}, "cook_keys": []}
    assert said(valid) == []


def test_a_variable_that_the_playbooks_pass_may_be_unset_and_may_be_null():
    assert said({}) == said({"cook_plan": None}) == []


def test_a_number_that_came_as_text_from_the_command_line_is_a_number():
    assert said({"cook_heat": "3"}) == []


def test_an_unknown_name_is_refused_with_the_nearest():
    assert said({"cook_haet": 3}) == [
        "variable_unknown: cook_haet is not read by anything. Did you mean cook_heat?",
    ]


def test_a_name_like_no_other_is_refused_without_advice():
    assert said({"cook_zzzzzzzzzz": 3}) == [
        "variable_unknown: cook_zzzzzzzzzz is not read by anything. No known name is like it.",
    ]


def test_the_value_of_an_unknown_name_is_never_evaluated():
    def value(name):
        raise AssertionError(name)

    assert len(faults(["cook_haet"], value, KNOWN)) == 1


@pytest.mark.parametrize(
    ("order", "fault"),
    [
        ({"slat": 1}, "cook_order.slat is not read by anything. Did you mean cook_order.salt?"),
        (
            {"guests": [{"name": "a"}, {"name": "b", "nmae": "c"}]},
            "cook_order.guests[1].nmae is not read by anything. Did you mean cook_order.guests[1].name?",
        ),
    ],
)
def test_an_unknown_key_is_refused_with_its_path_and_the_nearest(order, fault):
    assert said({"cook_order": order}) == [f"variable_unknown: {fault}"]


def test_a_key_that_is_no_text_is_unknown():
    assert said({"cook_order": {1: 2}}) == [
        "variable_unknown: cook_order.1 is not read by anything. No known name is like it.",
    ]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("cook_heat", "many", ("variable_invalid: cook_heat: ", "convert to int")),
        ("cook_dish", "cake", ("variable_invalid: cook_dish: ", "soup, stew", "cake")),
        ("cook_order", "salt", ("variable_invalid: cook_order: ", "dict")),
        ("cook_order", {"salt": "much"}, ("variable_invalid: cook_order: ", "salt", "convert to int")),
        ("cook_order", {"guests": [{}]}, ("variable_invalid: cook_order: ", "name")),
    ],
)
def test_a_value_that_the_specification_refuses_is_a_fault(name, value, words):
    fault = "\n".join(said({name: value}))
    assert all(word in fault for word in words)
    assert all(line.startswith(words[0]) for line in fault.split("\n"))


def test_all_faults_are_named_at_once():
    found = said({"cook_heat": "many", "cook_haet": 1, "cook_order": {"slat": 1, "salt": "much"}})
    assert [fault.split(":")[0] for fault in found] == [
        "variable_unknown",
        "variable_invalid",
        "variable_unknown",
        "variable_invalid",
    ]


@pytest.mark.parametrize(
    "variables",
    [{"cook_secret": "open sesame"}, {"cook_keys": [{"name": "a", "door": "open sesame"}]}],
)
def test_a_secret_of_the_wrong_type_is_refused_and_not_shown(variables):
    (fault,) = said(variables)
    assert "open sesame" not in fault
    assert "convert to int" in fault


def test_a_value_that_cannot_be_evaluated_is_a_fault():
    def value(name):
        raise AnsibleUndefinedVariable("'pot' is undefined")

    (fault,) = faults(["cook_heat"], value, KNOWN)
    assert str(fault).startswith("variable_invalid: cook_heat cannot be evaluated: ")
    assert "'pot' is undefined" in str(fault)
