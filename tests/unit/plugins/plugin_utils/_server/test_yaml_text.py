"""YAML for people, also of the values that Ansible hands to a filter."""

from __future__ import annotations

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible_collections.whisperops.gpu.plugins.plugin_utils._server.yaml_text import yaml_text


@pytest.mark.parametrize(
    "value",
    [{"b": 1, "a": [True, None, "8080", "no", "0:0"]}, ["text\nof two lines\n"], {"empty": {}, "none": [], "text": ""}],
)
def test_what_is_written_is_read_again(value):
    assert yaml.safe_load(yaml_text(value)) == value


def test_the_order_stays():
    assert list(yaml.safe_load(yaml_text({"b": 1, "a": 2}))) == ["b", "a"]


def test_lines_stay_lines():
    assert "|\n" in yaml_text({"program": "set -e\nexit\n"})


def test_what_stands_twice_is_written_twice():
    shared = {"a": [1]}
    assert "&" not in yaml_text([shared, shared])


def test_values_that_ansible_has_read_are_written_too():
    read = DataLoader().load("image: registry.example.com/x:1\nnumber: 8\nlist: [a, {b: c}]\nswitch: true\n")
    plain = {"image": "registry.example.com/x:1", "number": 8, "list": ["a", {"b": "c"}], "switch": True}
    assert yaml.safe_load(yaml_text(read)) == plain
