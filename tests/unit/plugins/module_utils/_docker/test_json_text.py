"""Changing one member of a JSON text, and nothing else."""

from __future__ import annotations

import json

import pytest
from ansible_collections.whisperops.gpu.plugins.module_utils._docker.json_text import remove_member, set_member
from hypothesis import given
from hypothesis import strategies as st

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(), values, max_size=4)
texts = st.builds(
    lambda value, indent, ascii_only: json.dumps(value, indent=indent, ensure_ascii=ascii_only),
    objects,
    st.sampled_from([None, 1, 2, 4, "\t"]),
    st.booleans(),
)


@given(texts, st.text(), values)
def test_what_was_set_is_there_and_all_else_as_before(text, name, value):
    assert json.loads(set_member(text, [name], value)) == {**json.loads(text), name: value}


@given(texts, st.text(), st.text(), values)
def test_set_and_removed_is_the_text_before(text, name, inner, value):
    if name not in json.loads(text):
        assert remove_member(set_member(text, [name, inner], value), [name, inner]) == text


@given(texts, st.text())
def test_what_was_removed_is_gone_and_all_else_as_before(text, name):
    expected = json.loads(text)
    expected.pop(name, None)
    assert json.loads(remove_member(text, [name])) == expected


def test_a_file_as_people_write_them_keeps_its_form():
    text = """{
    "insecure-registries" : ["198.18.0.0/15"],

    "log-opts": {"max-size": "10m"},   "debug": false
}
"""
    changed = set_member(text, ["runtimes", "nvidia"], {"path": "nvidia-container-runtime"})
    assert (
        changed
        == """{
    "insecure-registries" : ["198.18.0.0/15"],

    "log-opts": {"max-size": "10m"},   "debug": false,
    "runtimes": {
        "nvidia": {
            "path": "nvidia-container-runtime"
        }
    }
}
"""
    )
    assert remove_member(changed, ["runtimes", "nvidia"]) == text
    assert set_member(text, ["log-opts", "max-file"], "3") == text.replace('"10m"', '"10m", "max-file": "3"')
    assert set_member(text, ["debug"], True) == text.replace("false", "true")


@pytest.mark.parametrize(
    ("text", "way", "left"),
    [
        ('{"a": 1, "b": 2}', ["a"], '{"b": 2}'),
        ('{"a": 1, "b": 2}', ["b"], '{"a": 1}'),
        ('{"a": {"b": {"c": 1}}, "d": 1}', ["a", "b", "c"], '{"d": 1}'),
        ('{"a": {"b": 1, "c": 1}}', ["a", "b"], '{"a": {"c": 1}}'),
        ('{"a": {"b": 1}}', ["a", "b"], "{}"),
        ('{"a": null}', ["a", "b"], '{"a": null}'),
        ('{"a": [1]}', ["a", "b"], '{"a": [1]}'),
        ('{"a": 1}', ["none"], '{"a": 1}'),
    ],
)
def test_removing(text, way, left):
    assert remove_member(text, way) == left
